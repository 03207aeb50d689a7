/** Random requests of the Open Inference Protocol for two models of the fixtures, the same in JSON and in binary form. */
import type { Random } from "../test/support/random.ts";

const ROWS_MAX = 16;
const WORDS = ["one", "ten", "größer", "unknown", ""];

export interface TensorRequest {
  readonly model: string;
  /** Of a JSON body, and of one with binary data. */
  readonly json: Buffer;
  readonly binary: Buffer;
  /** Bytes of JSON in `binary`. */
  readonly jsonLength: number;
}

interface RandomTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly values: ArrayLike<number> | ArrayLike<bigint> | readonly string[] | readonly boolean[];
  readonly bytes: Buffer;
}

/** Numbers as the benchmark's model takes them: one tensor of 30 floats a row. */
export function treesRequest(random: Random): TensorRequest {
  const rows = random.between(1, ROWS_MAX);
  const values = Float32Array.from({ length: rows * 30 }, () => (random.next() - 0.5) * 8);
  return toRequest("bench-trees", [typed("features", "FP32", [rows, 30], values)]);
}

/** Four tensors of different datatypes. */
export function mixedRequest(random: Random): TensorRequest {
  const rows = random.between(1, ROWS_MAX);
  const flags = Array.from({ length: rows }, () => random.next() < 0.5);
  const counts = BigInt64Array.from(
    { length: rows * 3 },
    () => BigInt(random.between(-(2 ** 30), 2 ** 30)) ** 2n,
  );
  const weights = Float32Array.from({ length: rows * 3 }, () => (random.next() - 0.5) * 8);
  const words = Array.from({ length: rows }, () => WORDS[random.between(0, WORDS.length - 1)] ?? "");
  return toRequest("mixed", [
    {
      name: "flag",
      datatype: "BOOL",
      shape: [rows, 1],
      values: flags,
      bytes: Buffer.from(flags.map(Number)),
    },
    typed("count", "INT64", [rows, 3], counts),
    typed("weight", "FP32", [rows, 3], weights),
    {
      name: "word",
      datatype: "BYTES",
      shape: [rows, 1],
      values: words,
      bytes: Buffer.concat(words.flatMap((word) => [lengthOf(word), Buffer.from(word)])),
    },
  ]);
}

function typed(
  name: string,
  datatype: string,
  shape: readonly number[],
  values: Float32Array | BigInt64Array,
): RandomTensor {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return { name, datatype, shape, values, bytes };
}

function lengthOf(word: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(word));
  return length;
}

function toRequest(model: string, tensors: readonly RandomTensor[]): TensorRequest {
  const asJson = tensors.map(({ name, datatype, shape, values }) => {
    const data = Array.from<unknown, string>(values as ArrayLike<unknown>, elementJson).join(",");
    return `{"name":"${name}","datatype":"${datatype}","shape":[${shape.join(",")}],"data":[${data}]}`;
  });
  const inputs = tensors.map(({ name, datatype, shape, bytes }) => {
    return { name, datatype, shape, parameters: { binary_data_size: bytes.length } };
  });
  const head = Buffer.from(JSON.stringify({ parameters: { binary_data_output: true }, inputs }));
  return {
    model,
    json: Buffer.from(`{"inputs":[${asJson.join(",")}]}`),
    binary: Buffer.concat([head, ...tensors.map(({ bytes }) => bytes)]),
    jsonLength: head.length,
  };
}

function elementJson(value: unknown): string {
  return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}
