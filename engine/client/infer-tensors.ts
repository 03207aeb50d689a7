/**
 * Tensors of the Open Inference Protocol as JavaScript has them, to and from the protocol's binary form.
 *
 * What comes back is a typed array over the answer's memory, not a copy, wherever that is aligned; of FP16 the numbers
 * themselves, as there is no such array, and of BYTES texts.
 */
import {
  bytesOf,
  createElements,
  type Elements,
  halfToNumber,
  numberToHalf,
  toElements,
  WHOLE_RANGES,
} from "../core/elements.ts";
import { type Datatype, elementsIn } from "../core/tensor.ts";
import { fromTensorBytes, toTensorBytes } from "../core/tensor-bytes.ts";

/** What the elements of each datatype come back as. */
export interface TensorArrays {
  /** 0 and 1. */
  BOOL: Uint8Array;
  UINT8: Uint8Array;
  UINT16: Uint16Array;
  UINT32: Uint32Array;
  UINT64: BigUint64Array;
  INT8: Int8Array;
  INT16: Int16Array;
  INT32: Int32Array;
  INT64: BigInt64Array;
  FP16: Float32Array;
  FP32: Float32Array;
  FP64: Float64Array;
  BYTES: readonly string[];
}

/** A tensor to infer from. */
export interface InferInput {
  readonly name: string;
  /** Rows first. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Elements | readonly (number | bigint)[] | readonly boolean[] | readonly string[];
  /**
   * What a typed array says by itself, unless it is BOOL (of a Uint8Array) or FP16 (its bits of a Uint16Array, else numbers). Of
   * booleans BOOL, of texts BYTES, of BigInts INT64 unless given; numbers need it.
   */
  readonly datatype?: Datatype;
}

/** A tensor that was inferred. It can be sent as an input again. */
export type InferOutput = {
  readonly [D in Datatype]: {
    readonly name: string;
    readonly datatype: D;
    readonly shape: readonly number[];
    readonly data: TensorArrays[D];
  };
}[Datatype];

const TYPED: readonly (readonly [new (length: number) => Elements, Datatype])[] = [
  [Float32Array, "FP32"],
  [Float64Array, "FP64"],
  [BigInt64Array, "INT64"],
  [BigUint64Array, "UINT64"],
  [Int32Array, "INT32"],
  [Uint32Array, "UINT32"],
  [Int16Array, "INT16"],
  [Uint16Array, "UINT16"],
  [Int8Array, "INT8"],
  [Uint8Array, "UINT8"],
];

/** An input in the protocol's binary form. */
export interface EncodedInput {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** @throws TypeError when data, datatype and shape do not fit together. */
export function encodeInput({
  name,
  shape,
  data,
  datatype = datatypeOf(name, data),
}: InferInput): EncodedInput {
  const count = elementsIn(shape);
  if (data.length !== count)
    throw wrong(name, `data has ${data.length} elements, and shape [${shape.join(", ")}] says ${count}`);
  return { name, datatype, shape, bytes: encode(name, datatype, data) };
}

function datatypeOf(name: string, data: InferInput["data"]): Datatype {
  const typed = TYPED.find(([array]) => data instanceof array)?.[1];
  if (typed !== undefined) return typed;
  const [first] = data;
  if (typeof first === "boolean") return "BOOL";
  if (typeof first === "string") return "BYTES";
  if (typeof first === "bigint") return "INT64";
  throw wrong(name, "datatype is needed: numbers alone do not say which they are, such as FP32");
}

function encode(name: string, datatype: Datatype, data: InferInput["data"]): Uint8Array {
  if (datatype === "BYTES") {
    const texts = Array.from(data as ArrayLike<unknown>, (value) =>
      typeof value === "string" ? value : refuse(name, datatype, value),
    );
    return toTensorBytes({ data: texts });
  }
  const own = TYPED.find(([, other]) => other === ARRAY_OF[datatype])?.[0];
  if (own !== undefined && data instanceof own) return bytesOf(data);
  const elements = createElements(datatype, data.length);
  for (let index = 0; index < data.length; index++)
    elements[index] = toElement(name, datatype, data[index] as number | bigint | boolean | string);
  return bytesOf(elements);
}

/** The datatype whose typed array holds a datatype's elements as they are. */
const ARRAY_OF: Readonly<Record<Exclude<Datatype, "BYTES">, Datatype>> = {
  BOOL: "UINT8",
  UINT8: "UINT8",
  UINT16: "UINT16",
  UINT32: "UINT32",
  UINT64: "UINT64",
  INT8: "INT8",
  INT16: "INT16",
  INT32: "INT32",
  INT64: "INT64",
  FP16: "UINT16",
  FP32: "FP32",
  FP64: "FP64",
};

function toElement(
  name: string,
  datatype: Exclude<Datatype, "BYTES">,
  value: number | bigint | boolean | string,
): number | bigint {
  if (datatype === "BOOL") {
    if (typeof value === "boolean" || value === 0 || value === 1) return Number(value);
    return refuse(name, datatype, value);
  }
  if (typeof value !== "number" && typeof value !== "bigint") return refuse(name, datatype, value);
  const range = WHOLE_RANGES[datatype];
  if (range === undefined) return datatype === "FP16" ? numberToHalf(Number(value)) : Number(value);
  if (typeof value === "number" && !Number.isSafeInteger(value)) return refuse(name, datatype, value);
  if (value < range[0] || value > range[1]) return refuse(name, datatype, value);
  return datatype === "INT64" || datatype === "UINT64" ? BigInt(value) : Number(value);
}

function refuse(name: string, datatype: Datatype, value: unknown): never {
  throw wrong(name, `${String(value)} is no ${datatype}`);
}

function wrong(name: string, message: string): TypeError {
  return new TypeError(`tensor ${JSON.stringify(name)}: ${message}`);
}

/** @throws when the bytes are not as many as datatype and shape say, or no texts. */
export function decodeBytes(
  name: string,
  datatype: Datatype,
  shape: readonly number[],
  bytes: Uint8Array,
): InferOutput {
  const data = fromTensorBytes({ name, datatype, shape }, bytes);
  return { name, datatype, shape, data: toArray(datatype, data) } as InferOutput;
}

function toArray(datatype: Datatype, data: Uint8Array | readonly string[]): TensorArrays[Datatype] {
  if (datatype === "BYTES" || !(data instanceof Uint8Array)) return data;
  const elements = toElements(datatype, data);
  return datatype === "FP16" ? Float32Array.from(elements as Uint16Array, halfToNumber) : elements;
}
