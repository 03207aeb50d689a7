/**
 * Bodies of inference requests and answers of the Open Inference Protocol: JSON, and behind it the tensors' data.
 *
 * Inputs go as binary data, and outputs are asked for as such; servers that answer with JSON all the same are understood.
 */
import type { InferResponseJson } from "../contract/open-inference.ts";
import type { Datatype } from "../core/tensor.ts";
import { engineTimeoutMs } from "./client-call.ts";
import {
  decodeBytes,
  encodeInput,
  type InferInput,
  type InferOutput,
  type TensorArrays,
} from "./infer-tensors.ts";

/** Header of a body with binary data: bytes of its JSON. */
export const JSON_LENGTH_HEADER = "inference-header-content-length";

export interface InferCall {
  readonly inputs: readonly InferInput[];
  /** Names of those wanted; all unless given. */
  readonly outputs?: readonly string[];
  /** A version or an alias; production unless given. */
  readonly version?: string;
  /** Told back, and the request_id of the prediction. */
  readonly id?: string;
  /** Such as priority, entity_id, prediction_ids. */
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
}

export interface InferBody {
  readonly body: Uint8Array;
  readonly jsonLength: number;
}

const US_PER_MS = 1000;

/**
 * Writes the inputs once, and returns what makes a body of them that tells how much time is left.
 * @throws TypeError when the data of an input do not fit its datatype or shape.
 */
export function encodeInferCall({
  inputs,
  outputs,
  id,
  parameters,
}: InferCall): (leftMs: number) => InferBody {
  const encoded = inputs.map(encodeInput);
  const tensors = encoded.map(({ name, datatype, shape, bytes }) => ({
    name,
    datatype,
    shape,
    parameters: { binary_data_size: bytes.length },
  }));
  return (leftMs) => {
    const wantedMs = Number(parameters?.["timeout"] ?? 0) / US_PER_MS;
    const timeout = Math.ceil(engineTimeoutMs(leftMs, wantedMs === 0 ? undefined : wantedMs) * US_PER_MS);
    const request = {
      id,
      parameters: { ...parameters, binary_data_output: true, timeout },
      inputs: tensors,
      outputs: outputs?.map((name) => ({ name })),
    };
    const json = Buffer.from(JSON.stringify(request));
    return { body: Buffer.concat([json, ...encoded.map(({ bytes }) => bytes)]), jsonLength: json.length };
  };
}

/** What was inferred. */
export class InferResult {
  readonly modelName: string;
  readonly modelVersion: string;
  /** Of the request; "" when it had none. */
  readonly id: string;
  readonly parameters: Readonly<Record<string, string | number | boolean>>;
  readonly outputs: readonly InferOutput[];

  constructor(
    { model_name, model_version, id = "", parameters = {} }: InferResponseJson,
    outputs: readonly InferOutput[],
  ) {
    this.modelName = model_name;
    this.modelVersion = model_version;
    this.id = id;
    this.parameters = parameters;
    this.outputs = outputs;
  }

  /**
   * The elements of an output.
   * @throws TypeError when there is none of that name, or it has another datatype.
   */
  data<D extends Datatype>(name: string, datatype: D): TensorArrays[D] {
    const output = this.outputs.find((candidate) => candidate.name === name);
    if (output?.datatype === datatype) return output.data as TensorArrays[D];
    const there = this.outputs.map((each) => `${each.name} (${each.datatype})`).join(", ");
    throw new TypeError(`there is no output "${name}" of ${datatype}; there is ${there}`);
  }
}

/** Elements that may be nested. */
function flat(data: readonly unknown[] = []): number[] {
  return data.flat(Number.POSITIVE_INFINITY) as number[];
}

/**
 * @param jsonLength value of JSON_LENGTH_HEADER; undefined: the body is JSON and nothing else.
 * @throws when it is no answer of the protocol.
 */
export function decodeInferResult(body: Buffer, jsonLength: string | undefined): InferResult {
  const length = jsonLength === undefined ? body.length : Number(jsonLength);
  const response = JSON.parse(body.toString("utf8", 0, length)) as InferResponseJson;
  let at = length;
  const outputs = response.outputs.map(({ name, datatype, shape, parameters, data }): InferOutput => {
    const size = parameters?.binary_data_size;
    const bytes =
      size === undefined
        ? encodeInput({ name, datatype, shape, data: flat(data) }).bytes
        : body.subarray(at, at + size);
    at += size ?? 0;
    return decodeBytes(name, datatype, shape, bytes);
  });
  return new InferResult(response, outputs);
}
