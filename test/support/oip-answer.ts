/** Output tensors of an Open Inference Protocol answer as their bytes, read without the engine's own code. */
import assert from "node:assert/strict";
import { parse } from "lossless-json";
import type { HttpAnswer } from "./http-bytes.ts";

export interface OutputBytes {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  /** In the protocol's binary form. */
  readonly data: Buffer;
}

interface OutputJson extends Omit<OutputBytes, "data" | "shape"> {
  readonly shape: readonly bigint[];
  readonly parameters?: { readonly binary_data_size?: bigint };
  readonly data?: readonly (bigint | number | boolean | string)[];
}

/** Whole numbers are BigInt, which typed arrays of 64 bits take. */
const parseNumber = (digits: string): bigint | number =>
  /^-?\d+$/.test(digits) ? BigInt(digits) : Number(digits);

export function outputsOf({ headers, body }: HttpAnswer): OutputBytes[] {
  const length = Number(headers["inference-header-content-length"] ?? body.length);
  const json = parse(body.subarray(0, length).toString(), undefined, parseNumber);
  let at = length;
  const outputs = (json as { outputs: OutputJson[] }).outputs.map((output) => {
    const { name, datatype, shape, parameters, data } = output;
    const size = parameters?.binary_data_size;
    const bytes = size === undefined ? jsonBytes(datatype, data) : body.subarray(at, at + Number(size));
    at += Number(size ?? 0);
    return { name, datatype, shape: shape.map(Number), data: bytes };
  });
  assert.equal(at, body.length, "bytes of the answer that belong to no tensor");
  return outputs;
}

function jsonBytes(datatype: string, data: OutputJson["data"]): Buffer {
  assert.ok(data !== undefined, "an output with neither data nor binary_data_size");
  if (datatype === "BYTES") return Buffer.concat(data.map(textBytes));
  if (datatype === "BOOL") return Buffer.from(data.map((value) => (value === true ? 1 : 0)));
  const array = ARRAYS[datatype];
  assert.ok(array !== undefined, `${datatype} has no JSON form`);
  const elements = array(data as (bigint | number)[]);
  return Buffer.from(elements.buffer, elements.byteOffset, elements.byteLength);
}

function textBytes(text: unknown): Buffer {
  const bytes = Buffer.from(String(text));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

type ToArray = (values: readonly (bigint | number)[]) => ArrayBufferView;
const ARRAYS: Readonly<Record<string, ToArray>> = {
  UINT8: (values) => Uint8Array.from(values, Number),
  UINT16: (values) => Uint16Array.from(values, Number),
  UINT32: (values) => Uint32Array.from(values, Number),
  UINT64: (values) => BigUint64Array.from(values, BigInt),
  INT8: (values) => Int8Array.from(values, Number),
  INT16: (values) => Int16Array.from(values, Number),
  INT32: (values) => Int32Array.from(values, Number),
  INT64: (values) => BigInt64Array.from(values, BigInt),
  FP32: (values) => Float32Array.from(values, Number),
  FP64: (values) => Float64Array.from(values, Number),
};
