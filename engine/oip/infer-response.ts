/**
 * An inference response of the Open Inference Protocol, and its bytes: JSON, and behind it the data of the outputs that were asked
 * for as binary data.
 */

import type { InferParameters } from "../contract/open-inference.ts";
import type { Tensor } from "../core/tensor.ts";
import { toTensorBytes } from "../core/tensor-bytes.ts";
import { toTensorJson } from "../core/tensor-json.ts";
import type { InferRequest } from "./infer-request.ts";

export interface InferResponse {
  readonly model_name: string;
  readonly model_version: string;
  /** "" when the request had none. */
  readonly id: string;
  readonly parameters: InferParameters;
  readonly outputs: readonly Tensor[];
}

export interface EncodedResponse {
  /** A text where all of it is JSON. */
  readonly body: string | Uint8Array;
  /** Bytes of its JSON, when data follow it. */
  readonly jsonLength: number | undefined;
}

/** The answer to `request`, each output in the form that was asked for. */
export function encodeInferResponse(
  response: InferResponse,
  { outputs, isBinary }: Pick<InferRequest, "outputs" | "isBinary">,
): EncodedResponse {
  const { model_name, model_version, id, parameters } = response;
  const blobs: Uint8Array[] = [];
  const tensors = response.outputs.map((tensor) => {
    const asked = outputs?.find(({ name }) => name === tensor.name);
    return (asked?.isBinary ?? isBinary) ? binaryTensor(tensor, blobs) : jsonTensor(tensor);
  });
  let json = `{"model_name":${JSON.stringify(model_name)},"model_version":${JSON.stringify(model_version)}`;
  if (id !== "") json += `,"id":${JSON.stringify(id)}`;
  if (Object.keys(parameters).length > 0) json += `,"parameters":${JSON.stringify(parameters)}`;
  json += `,"outputs":[${tensors.join(",")}]}`;
  if (blobs.length === 0) return { body: json, jsonLength: undefined };
  const head = Buffer.from(json);
  return { body: Buffer.concat([head, ...blobs]), jsonLength: head.length };
}

function headOf({ name, datatype, shape }: Tensor): string {
  return `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape.join(",")}]`;
}

function jsonTensor(tensor: Tensor): string {
  return `${headOf(tensor)},"data":${toTensorJson(tensor)}}`;
}

function binaryTensor(tensor: Tensor, blobs: Uint8Array[]): string {
  const bytes = toTensorBytes(tensor);
  blobs.push(bytes);
  return `${headOf(tensor)},"parameters":{"binary_data_size":${bytes.length}}}`;
}
