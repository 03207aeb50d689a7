// hot path
/**
 * The JSON of an inference request, checked: all of it but the data that follow.
 *
 * Clients that send binary data send the same JSON again and again: its head is kept by its text, so that it is parsed and checked
 * once. Bounds: HEADS_MAX texts of HEAD_BYTES_MAX; when they are too many, all are forgotten.
 */
import type { z } from "zod";
import {
  ELEMENTS_MAX,
  type InferParameters,
  type inferInput,
  inferRequest,
} from "../contract/open-inference.ts";
import { EngineError } from "../core/errors.ts";
import { invalidBy } from "../core/schema-details.ts";
import { elementsIn, type Tensor, type TensorSpec } from "../core/tensor.ts";
import { dataInvalid } from "../core/tensor-bytes.ts";
import { parseTensorJson } from "../core/tensor-json.ts";

const HEADS_MAX = 256;
const HEAD_BYTES_MAX = 2048;

export interface WantedOutput {
  readonly name: string;
  /** Its data follow the JSON of the answer. */
  readonly isBinary: boolean;
}

export interface InferHead {
  /** Echoed; "" when there is none. */
  readonly id: string;
  readonly parameters: InferParameters;
  readonly inputs: readonly HeadTensor[];
  /** Undefined: all that the model has. */
  readonly outputs: readonly WantedOutput[] | undefined;
  /** Of outputs that are not named. */
  readonly isBinary: boolean;
}

export interface HeadTensor {
  readonly spec: TensorSpec;
  /** Bytes of its data behind the JSON; undefined: they stand in it. */
  readonly binarySize: number | undefined;
  readonly json: unknown;
}

const known = new Map<string, InferHead>();

/** @throws EngineError INVALID_JSON, INVALID_REQUEST naming what is wrong. */
export function readInferHead(bytes: Buffer): InferHead {
  if (bytes.length > HEAD_BYTES_MAX) return toHead(parse(bytes));
  const text = bytes.toString("latin1");
  const found = known.get(text);
  if (found !== undefined) return found;
  const head = toHead(parse(bytes));
  // one with an id or with data in it does not come again
  if (head.id === "" && head.inputs.every(({ binarySize }) => binarySize !== undefined)) {
    if (known.size >= HEADS_MAX) known.clear();
    known.set(text, head);
  }
  return head;
}

function parse(json: Buffer): unknown {
  try {
    return parseTensorJson(json.toString("utf8"));
  } catch (error) {
    const reason = (error as Error).message.slice(0, 200);
    throw new EngineError("INVALID_JSON", `the request is not JSON: ${reason}`);
  }
}

function toHead(json: unknown): InferHead {
  const result = inferRequest.safeParse(json);
  if (!result.success) throw invalidBy(result.error, "body");
  const { inputs } = result.data;
  const id = result.data.id ?? "";
  const parameters = result.data.parameters ?? {};
  const outputs = result.data.outputs ?? undefined;
  checkTensors(inputs, outputs);
  const isBinary = parameters["binary_data_output"] === true;
  return {
    id,
    parameters,
    inputs: inputs.map(toHeadTensor),
    outputs: outputs?.map(({ name, parameters: own }) => {
      const asked = own?.["binary_data"];
      return { name, isBinary: typeof asked === "boolean" ? asked : isBinary };
    }),
    isBinary,
  };
}

function toHeadTensor({ name, datatype, shape, parameters, data }: z.infer<typeof inferInput>): HeadTensor {
  const size = binarySize(name, parameters);
  if (size !== undefined && data !== undefined && data !== null)
    throw dataInvalid(name, "is there twice: as JSON and as binary_data_size");
  return { spec: { name, datatype, shape }, binarySize: size, json: data };
}

function binarySize(name: string, parameters: InferParameters | null | undefined): number | undefined {
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
