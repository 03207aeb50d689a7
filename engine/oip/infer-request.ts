/**
 * An inference request of the Open Inference Protocol, whatever it came over, and how it is read from an HTTP body or a NATS
 * message: JSON, and behind it the data of the tensors that say `binary_data_size`, in their order.
 *
 *     ┌ JSON, as long as the header says ┬ data of the first binary tensor ┬ of the second ┬ … ┐
 *
 * A request whose JSON has length 0 is raw: all of it is the data of the model's only input, of one row.
 */
import { EngineError } from "../core/errors.ts";
import type { ModelTensors, Tensor } from "../core/tensor.ts";
import { dataInvalid, fromTensorBytes } from "../core/tensor-bytes.ts";
import { fromTensorJson } from "../core/tensor-json.ts";
import { type InferHead, readInferHead } from "./infer-head.ts";

/** Header of a body that has binary data: bytes of its JSON. */
export const JSON_LENGTH_HEADER = "inference-header-content-length";

const NO_DATA = new Uint8Array(0);

export interface InferRequest extends Omit<InferHead, "inputs"> {
  readonly inputs: readonly Tensor[];
}

/**
 * @param jsonLength value of JSON_LENGTH_HEADER; undefined: the body is JSON and nothing else.
 * @param tensors of the model that is asked, for a raw request.
 * @throws EngineError INVALID_JSON, INVALID_REQUEST naming what is wrong.
 */
export function readInferRequest(
  body: Buffer,
  jsonLength: string | undefined,
  tensors: () => ModelTensors,
): InferRequest {
  if (jsonLength === undefined) return withData(readInferHead(body), NO_DATA);
  const length = /^\d{1,15}$/.test(jsonLength) ? Number(jsonLength) : Number.NaN;
  if (!(length <= body.length)) {
    const message = `must be the length of the request's JSON, at most that of the body (${body.length} bytes)`;
    throw new EngineError("INVALID_REQUEST", `${JSON_LENGTH_HEADER} ${message}`, {
      details: [{ field: JSON_LENGTH_HEADER, message }],
    });
  }
  if (length === 0) return rawRequest(body, tensors());
  return withData(readInferHead(body.subarray(0, length)), body.subarray(length));
}

/** The request with the data of its tensors, which follow its JSON where they do not stand in it. */
function withData({ inputs, ...head }: InferHead, binary: Uint8Array): InferRequest {
  let at = 0;
  const tensors = inputs.map(({ spec, binarySize: size, json }): Tensor => {
    const { name, datatype, shape } = spec;
    if (size === undefined) return { name, datatype, shape, data: fromTensorJson(spec, json) };
    if (size > binary.length - at)
      throw dataInvalid(
        name,
        `is cut off: binary_data_size is ${size}, and ${binary.length - at} bytes are left of the body`,
      );
    at += size;
    return { name, datatype, shape, data: fromTensorBytes(spec, binary.subarray(at - size, at)) };
  });
  if (at < binary.length) {
    const message = `hold ${at} bytes of binary data by their binary_data_size, but ${binary.length} bytes follow the JSON`;
    throw new EngineError("INVALID_REQUEST", `inputs ${message}`, {
      details: [{ field: "inputs", message }],
    });
  }
  return { ...head, inputs: tensors };
}

/** One row of the model's only input; a text has no length before it. All outputs come as binary data. */
function rawRequest(body: Buffer, { inputs }: ModelTensors): InferRequest {
  const [input] = inputs;
  if (input === undefined || inputs.length > 1) {
    const message = `is for models of one input; this one takes ${inputs.length}`;
    throw new EngineError("INVALID_REQUEST", `a raw request ${message}`, {
      details: [{ field: JSON_LENGTH_HEADER, message }],
    });
  }
  const spec = { ...input, shape: [1, ...input.shape.slice(1)] };
  const bytes = input.datatype === "BYTES" ? withLength(body) : body;
  const tensor = { ...spec, data: fromTensorBytes(spec, bytes) };
  return { id: "", parameters: {}, inputs: [tensor], outputs: undefined, isBinary: true };
}

function withLength(text: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([length, text]);
}
