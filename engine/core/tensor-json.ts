/**
 * Tensors in the protocol's JSON form: elements nested as the shape says, or flat; truth values, numbers, texts.
 *
 * 64-bit integers come as BigInt where a double would not hold them (parseTensorJson). What JSON has no number for, NaN and
 * infinities, is written as null, which is not taken back: send such tensors as binary data.
 */
import { parse } from "lossless-json";
import { bytesOf, createElements, numberToHalf, toValues, WHOLE_RANGES } from "./elements.ts";
import { type Datatype, elementsIn, type Tensor, type TensorData, type TensorSpec } from "./tensor.ts";
import { dataInvalid } from "./tensor-bytes.ts";

/** Digits from which on a double may not hold a whole number; behind a point they do not matter, and Python writes as many. */
const LONG_NUMBER = /(?<![.\d])\d{16}/;
/** From here on the nearest half-precision number is infinite. */
const HALF_ENDS = 65_520;
const SAFE_WHOLE = /^-?\d{1,400}$/;

/**
 * JSON.parse, but whole numbers that a double does not hold become BigInt. Only texts with that many digits pay for it.
 * @throws SyntaxError when it is no JSON.
 */
export function parseTensorJson(json: string): unknown {
  if (!LONG_NUMBER.test(json)) return JSON.parse(json);
  return parse(json, undefined, (number) => {
    const value = Number(number);
    return SAFE_WHOLE.test(number) && !Number.isSafeInteger(value) ? BigInt(number) : value;
  });
}

/**
 * The elements of `spec` out of what JSON says.
 * @param json nested as the shape says, or flat.
 * @throws EngineError INVALID_REQUEST naming the first element that is not allowed.
 */
export function fromTensorJson(spec: TensorSpec, json: unknown): TensorData {
  const { name, datatype, shape } = spec;
  const count = elementsIn(shape);
  if (!Array.isArray(json))
    throw dataInvalid(name, "is missing: it must be a list of its elements (or binary data)");
  const values = json.some(Array.isArray) ? flatten(name, json, shape) : (json as unknown[]);
  if (values.length !== count)
    throw dataInvalid(name, `has ${values.length} elements; shape [${shape.join(", ")}] says ${count}`);
  if (datatype === "BYTES") {
    const at = values.findIndex((value) => typeof value !== "string");
    if (at >= 0) throw elementInvalid(name, at, "must be a string");
    return values as string[];
  }
  return writeElements(name, datatype, values);
}

/** Elements of nested lists; every list must be as long as the shape says. */
function flatten(name: string, json: readonly unknown[], shape: readonly number[]): unknown[] {
  let level: unknown[] = [json];
  for (const size of shape) {
    const next: unknown[] = [];
    for (const list of level) {
      if (!Array.isArray(list) || list.length !== size)
        throw dataInvalid(name, `is not nested as its shape [${shape.join(", ")}] says (nor flat)`);
      for (const element of list) next.push(element);
    }
    level = next;
  }
  if (level.some(Array.isArray))
    throw dataInvalid(name, `is nested deeper than its shape [${shape.join(", ")}]`);
  return level;
}

function writeElements(
  name: string,
  datatype: Exclude<Datatype, "BYTES">,
  values: readonly unknown[],
): Uint8Array {
  const elements = createElements(datatype, values.length);
  const write = WRITERS[datatype];
  for (let index = 0; index < values.length; index++) {
    const element = write(values[index]);
    if (typeof element === "string") throw elementInvalid(name, index, element);
    elements[index] = element;
  }
  return bytesOf(elements);
}

/** The element, or what is wrong with the value. */
type Write = (value: unknown) => number | bigint | string;

const WRITERS: Readonly<Record<Exclude<Datatype, "BYTES">, Write>> = {
  BOOL: (value) =>
    value === true || value === 1 ? 1 : value === false || value === 0 ? 0 : "must be true or false",
  UINT8: whole("UINT8"),
  UINT16: whole("UINT16"),
  UINT32: whole("UINT32"),
  UINT64: long("UINT64"),
  INT8: whole("INT8"),
  INT16: whole("INT16"),
  INT32: whole("INT32"),
  INT64: long("INT64"),
  FP16: (value) => {
    const number = real(value, (size) => size < HALF_ENDS);
    return typeof number === "string" ? number : numberToHalf(number);
  },
  FP32: (value) => real(value, (size) => Number.isFinite(Math.fround(size))),
  FP64: (value) => real(value, Number.isFinite),
};

/** @param holds whether the datatype's nearest number to one of that size is finite. */
function real(value: unknown, holds: (size: number) => boolean): number | string {
  if (typeof value === "bigint") return real(Number(value), holds);
  if (typeof value !== "number") return "must be a number (NaN and infinities: send binary data)";
  return holds(Math.abs(value)) ? value : "must be nearer to 0: the datatype ends before";
}

function whole(datatype: Datatype): Write {
  const [low, high] = (WHOLE_RANGES[datatype] ?? [0n, 0n]).map(Number) as [number, number];
  return (value) =>
    Number.isInteger(value) && (value as number) >= low && (value as number) <= high
      ? (value as number)
      : `must be a whole number from ${low} to ${high}`;
}

function long(datatype: Datatype): Write {
  const [low, high] = WHOLE_RANGES[datatype] ?? [0n, 0n];
  return (value) => {
    const number =
      typeof value === "bigint" || Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
    return number !== undefined && number >= low && number <= high
      ? number
      : `must be a whole number from ${low} to ${high}`;
  };
}

function elementInvalid(name: string, index: number, message: string): Error {
  return dataInvalid(name, `has an element that is not allowed: element ${index} ${message}`);
}

/** The JSON text of a tensor's elements, flat. */
export function toTensorJson({ datatype, data }: Pick<Tensor, "datatype" | "data">): string {
  const values = toValues(datatype, data);
  if (datatype === "INT64" || datatype === "UINT64") return `[${values.join(",")}]`;
  return JSON.stringify(values);
}
