/**
 * An inference request of the Open Inference Protocol, whatever it came over, and how it is read from an HTTP body or a NATS
 * message: JSON, and behind it the data of the tensors that say `binary_data_size`, in their order.
 *
 *     ┌ JSON, as long as the header says ┬ data of the first binary tensor ┬ of the second ┬ … ┐
 *
 * A request whose JSON has length 0 is raw: all of it is the data of the model's only input, of one row.
 */
import { ELEMENTS_MAX, type InferParameters, inferRequest } from "../contract/open-inference.ts";
import { EngineError } from "../core/errors.ts";
import { invalidBy } from "../core/schema-details.ts";
import { elementsIn, type ModelTensors, type Tensor } from "../core/tensor.ts";
import { dataInvalid, fromTensorBytes } from "../core/tensor-bytes.ts";
import { fromTensorJson, parseTensorJson } from "../core/tensor-json.ts";

/** Header of a body that has binary data: bytes of its JSON. */
export const JSON_LENGTH_HEADER = "inference-header-content-length";

export interface WantedOutput {
  readonly name: string;
  /** Its data follow the JSON of the answer. */
  readonly isBinary: boolean;
}

export interface InferRequest {
  /** Echoed; "" when there is none. */
  readonly id: string;
  readonly parameters: InferParameters;
  readonly inputs: readonly Tensor[];
  /** Undefined: all that the model has. */
  readonly outputs: readonly WantedOutput[] | undefined;
  /** Of outputs that are not named. */
  readonly isBinary: boolean;
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
  if (jsonLength === undefined) return fromBody(parse(body), new Uint8Array(0));
  const length = /^\d{1,15}$/.test(jsonLength) ? Number(jsonLength) : Number.NaN;
  if (!(length <= body.length)) {
    const message = `must be the length of the request's JSON, at most that of the body (${body.length} bytes)`;
    throw new EngineError("INVALID_REQUEST", `${JSON_LENGTH_HEADER} ${message}`, {
      details: [{ field: JSON_LENGTH_HEADER, message }],
    });
  }
  if (length === 0) return rawRequest(body, tensors());
  return fromBody(parse(body.subarray(0, length)), body.subarray(length));
}

function parse(json: Buffer): unknown {
  try {
    return parseTensorJson(json.toString("utf8"));
  } catch (error) {
    const reason = (error as Error).message.slice(0, 200);
    throw new EngineError("INVALID_JSON", `the request is not JSON: ${reason}`);
  }
}

function fromBody(json: unknown, binary: Uint8Array): InferRequest {
  const result = inferRequest.safeParse(json);
  if (!result.success) throw invalidBy(result.error, "body");
  const { id = "", parameters = {}, inputs, outputs } = result.data;
  checkTensors(inputs, outputs);
  let at = 0;
  const tensors = inputs.map((input): Tensor => {
    const { name, shape, parameters: own, data } = input;
    const spec = { name, datatype: input.datatype, shape };
    const size = binarySize(name, own);
    if (size === undefined) return { ...spec, data: fromTensorJson(spec, data) };
    if (data !== undefined) throw dataInvalid(name, "is there twice: as JSON and as binary_data_size");
    if (size > binary.length - at)
      throw dataInvalid(
        name,
        `is cut off: binary_data_size is ${size}, and ${binary.length - at} bytes are left of the body`,
      );
    at += size;
    return { ...spec, data: fromTensorBytes(spec, binary.subarray(at - size, at)) };
  });
  if (at < binary.length) {
    const message = `hold ${at} bytes of binary data by their binary_data_size, but ${binary.length} bytes follow the JSON`;
    throw new EngineError("INVALID_REQUEST", `inputs ${message}`, {
      details: [{ field: "inputs", message }],
    });
  }
  const isBinary = parameters["binary_data_output"] === true;
  return {
    id,
    parameters,
    inputs: tensors,
    outputs: outputs?.map(({ name, parameters: own }) => {
      const asked = own?.["binary_data"];
      return { name, isBinary: typeof asked === "boolean" ? asked : isBinary };
    }),
    isBinary,
  };
}

function binarySize(name: string, parameters: InferParameters | undefined): number | undefined {
  const size = parameters?.["binary_data_size"];
  if (size === undefined) return undefined;
  if (typeof size === "number" && Number.isSafeInteger(size) && size >= 0) return size;
  throw dataInvalid(name, "has a binary_data_size that is no number of bytes");
}

/** What the schema cannot say. @throws EngineError INVALID_REQUEST for a tensor that is there twice, or too large. */
export function checkTensors(
  inputs: readonly Pick<Tensor, "name" | "shape">[],
  outputs: readonly Pick<Tensor, "name">[] | undefined,
): void {
  checkUnique(inputs, "inputs");
  if (outputs !== undefined) checkUnique(outputs, "outputs");
  for (const { name, shape } of inputs)
    if (elementsIn(shape) > ELEMENTS_MAX)
      throw dataInvalid(name, `cannot be: shape [${shape.join(", ")}] has too many elements`);
}

function checkUnique(tensors: readonly { readonly name: string }[], field: string): void {
  const seen = new Set<string>();
  for (const { name } of tensors) {
    if (seen.has(name)) {
      const message = `has ${JSON.stringify(name)} twice`;
      throw new EngineError("INVALID_REQUEST", `${field} ${message}`, { details: [{ field, message }] });
    }
    seen.add(name);
  }
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
