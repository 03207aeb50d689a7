// hot path
/**
 * Rows out of one matrix [rows, features]: each number is checked against its feature as POST /predict does it, categories by their
 * index, and what is missing is NaN.
 */
import { bytesOf, toElements } from "../core/elements.ts";
import { EngineError } from "../core/errors.ts";
import { type ModelInput, problemWith } from "../core/model-input.ts";
import type { Tensor } from "../core/tensor.ts";
import { type RowPlan, RowSource } from "../row-source.ts";
import type { ServedModel } from "../served-model.ts";
import { type InputRows, rowInvalid } from "./input-source.ts";

/** Where the floats of a request of usual size are put, for as long as its rows are written: memory of its own costs more than all else here. */
const scratch = new Float32Array(16_384);
const scratchBytes = bytesOf(scratch);
const ranges = new WeakMap<ServedModel, readonly Range[]>();

/** @throws EngineError INVALID_FEATURES naming the first row and feature that is not allowed. */
export function matrixRows(model: ServedModel, { datatype, data }: Tensor, count: number): InputRows {
  const given = datatype === "FP64" ? (toElements("FP64", data as Uint8Array) as Float64Array) : undefined;
  const floats = given === undefined ? toFloats(data as Uint8Array) : Float32Array.from(given);
  check(floats, given ?? floats, rangesOf(model));
  const rows = new MatrixRows(floats, model.plan.width);
  const sourceOf = (index: number): MatrixRows => {
    rows.row = index;
    return rows;
  };
  return { count, sourceOf };
}

function toFloats(bytes: Uint8Array): Float32Array {
  if (bytes.length > scratchBytes.length) return toElements("FP32", bytes) as Float32Array;
  scratchBytes.set(bytes);
  return scratch.subarray(0, bytes.length / 4);
}

function rangesOf(model: ServedModel): readonly Range[] {
  let found = ranges.get(model);
  if (found === undefined) ranges.set(model, (found = model.manifest.inputs.map(toRange)));
  return found;
}

interface Range {
  readonly input: ModelInput;
  readonly low: number;
  readonly high: number;
  readonly isWhole: boolean;
  readonly mayMiss: boolean;
}

function toRange(input: ModelInput): Range {
  const mayMiss = input.nullable === true;
  const { type } = input;
  if (type === "float" || type === "int") {
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = input;
    return { input, low: min, high: max, isWhole: type === "int", mayMiss };
  }
  const high = type === "category" ? input.categories.length - 1 : 1;
  return { input, low: 0, high, isWhole: true, mayMiss };
}

function check(floats: Float32Array, given: Float32Array | Float64Array, columns: readonly Range[]): void {
  const width = columns.length;
  for (let column = 0; column < width; column++) {
    const { low, high, isWhole, mayMiss } = columns[column] as Range;
    for (let at = column; at < floats.length; at += width) {
      const value = given[at] as number;
      const isFine = value >= low && value <= high && Number.isFinite(floats[at]);
      // a whole number must be the one that is meant, not the nearest that a float32 holds
      if (isFine && (!isWhole || (Number.isInteger(value) && floats[at] === value))) continue;
      if (mayMiss && Number.isNaN(value)) continue;
      throw rowInvalid(Math.floor(at / width), invalid(columns[column] as Range, value));
    }
  }
}

function invalid({ input, high }: Range, value: number): EngineError {
  const index = `must be the index of one of its ${high + 1} categories`;
  const truth = "must be 1 or 0";
  const isNumber = input.type === "float" || input.type === "int";
  const other = input.type === "category" ? index : truth;
  const message = isNumber ? (problemWith(input, value) ?? "must be a finite float32 number") : other;
  return new EngineError("INVALID_FEATURES", `feature ${input.name} ${message}`, {
    details: [{ field: `features.${input.name}`, message }],
  });
}

/** One row after the other: `row` says which is written. */
class MatrixRows extends RowSource {
  readonly #floats: Float32Array;
  readonly #width: number;
  row = 0;

  constructor(floats: Float32Array, width: number) {
    super();
    this.#floats = floats;
    this.#width = width;
  }

  write(_: RowPlan, row: Float32Array, offset: number): undefined {
    const from = this.row * this.#width;
    for (let column = 0; column < this.#width; column++)
      row[offset + column] = this.#floats[from + column] as number;
  }

  parse(): never {
    throw new Error("a model that looks features up takes columns");
  }
}
