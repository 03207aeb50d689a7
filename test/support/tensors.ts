/**
 * Tensors of every datatype for tests: the least and the greatest elements of each, and random ones.
 */
import { bytesOf, createElements, numberToHalf, WHOLE_RANGES } from "../../engine/core/elements.ts";
import {
  DATATYPES,
  type Datatype,
  elementsIn,
  type Tensor,
  type TensorData,
} from "../../engine/core/tensor.ts";
import type { Random } from "./random.ts";

const EXTREME_REALS = [0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const EXTREME_TEXTS = ["", "ä€😀", "x".repeat(300), "\u0000 within"];
const LETTERS = ["a", "Z", "é", "水", "😀", "\n", ""];

export const ALL_DATATYPES = Object.keys(DATATYPES) as Datatype[];

/** The elements at the ends of what a datatype holds, and some between. */
export function extremeTensor(datatype: Datatype): Tensor {
  const data = extremeData(datatype);
  const size = DATATYPES[datatype];
  return { name: "x", datatype, shape: [size === 0 ? data.length : data.length / size], data };
}

function extremeData(datatype: Datatype): TensorData {
  if (datatype === "BYTES") return EXTREME_TEXTS;
  if (datatype === "BOOL") return Uint8Array.of(1, 0, 1);
  const whole = WHOLE_RANGES[datatype];
  if (whole === undefined) {
    const values = [...EXTREME_REALS, ...(REALS_MAX[datatype] ?? [])];
    return elementsOf(datatype, datatype === "FP16" ? values.map(numberToHalf) : values);
  }
  const values = [whole[0], 0n, 1n, whole[1] - 1n, whole[1]];
  const isLong = datatype === "INT64" || datatype === "UINT64";
  return elementsOf(datatype, isLong ? values : values.map(Number));
}

const REALS_MAX: Readonly<Partial<Record<Datatype, readonly number[]>>> = {
  FP16: [65_504, -65_504, 2 ** -24],
  FP32: [3.4028234663852886e38, -3.4028234663852886e38, 1.401298464324817e-45],
  FP64: [Number.MAX_VALUE, -Number.MAX_VALUE, Number.MIN_VALUE],
};

/** Any elements of a random shape, some of them without elements. */
export function randomTensor(datatype: Datatype, random: Random): Tensor {
  const shape = Array.from({ length: random.between(1, 3) }, () => random.between(0, 4));
  const count = elementsIn(shape);
  if (datatype === "BYTES") {
    const text = (): string =>
      Array.from({ length: random.between(0, 5) }, () => LETTERS[random.between(0, LETTERS.length - 1)]).join(
        "",
      );
    return { name: "x", datatype, shape, data: Array.from({ length: count }, text) };
  }
  const bytes = Uint8Array.from({ length: count * DATATYPES[datatype] }, () => random.between(0, 255));
  return { name: "x", datatype, shape, data: datatype === "BOOL" ? bytes.map((byte) => byte & 1) : bytes };
}

function elementsOf(datatype: Exclude<Datatype, "BYTES">, values: readonly (number | bigint)[]): Uint8Array {
  const elements = createElements(datatype, values.length);
  for (const [index, value] of values.entries()) elements[index] = value;
  return bytesOf(elements);
}
