/**
 * The elements of tensors as JavaScript has them: typed arrays over their bytes, numbers, BigInts for 64-bit integers, and what
 * JSON says of each datatype.
 */
import { aligned, DATATYPES, type Datatype, type TensorData } from "./tensor.ts";

export type Elements =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** FP16 is read as its bits. */
type ArrayOf = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Elements;
const ARRAYS: Readonly<Record<Exclude<Datatype, "BYTES">, ArrayOf>> = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
};

/** The lowest and the highest whole number of each datatype that holds whole numbers only. */
export const WHOLE_RANGES: Readonly<Partial<Record<Datatype, readonly [bigint, bigint]>>> = {
  UINT8: [0n, 2n ** 8n - 1n],
  UINT16: [0n, 2n ** 16n - 1n],
  UINT32: [0n, 2n ** 32n - 1n],
  UINT64: [0n, 2n ** 64n - 1n],
  INT8: [-(2n ** 7n), 2n ** 7n - 1n],
  INT16: [-(2n ** 15n), 2n ** 15n - 1n],
  INT32: [-(2n ** 31n), 2n ** 31n - 1n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** A typed array over the bytes of a tensor; FP16 as its bits. */
export function toElements(datatype: Exclude<Datatype, "BYTES">, bytes: Uint8Array): Elements {
  const size = DATATYPES[datatype];
  const { buffer, byteOffset, byteLength } = aligned(bytes, size);
  return new ARRAYS[datatype](buffer, byteOffset, byteLength / size);
}

/** An array of its own for so many elements; FP16 as its bits. */
export function createElements(datatype: Exclude<Datatype, "BYTES">, length: number): Elements {
  return new ARRAYS[datatype](new ArrayBuffer(length * DATATYPES[datatype]), 0, length);
}

/** The bytes of a typed array. */
export function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Elements as values: numbers, BigInts for 64-bit integers, booleans, texts. */
export function toValues(
  datatype: Datatype,
  data: TensorData,
): readonly (number | bigint | boolean | string)[] {
  if (datatype === "BYTES" || !(data instanceof Uint8Array)) return data as readonly string[];
  const elements = toElements(datatype, data);
  if (datatype === "BOOL") return Array.from(elements as Uint8Array, (element) => element !== 0);
  if (datatype === "FP16") return Array.from(elements as Uint16Array, halfToNumber);
  return Array.from(elements as Iterable<number | bigint>);
}

/** A number from its IEEE 754 binary16 bits. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The nearest IEEE 754 binary16, ties to even, as its bits. */
export function numberToHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65_520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | roundToEven(size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  // log2 of a number just below a power of two rounds up to it
  const scale = 2 ** exponent > size ? exponent - 1 : exponent;
  // a fraction that is rounded up to 1024 carries into the exponent, as it should
  return sign | ((scale + 15) * 1024 + roundToEven((size / 2 ** scale - 1) * 1024));
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return rest < 0.5 ? floor : floor + 1;
}
