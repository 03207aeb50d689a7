/**
 * Rows to train on as they were read, before any preprocessing: the same shape whether they come from predictions, SQL or a file.
 *
 * Invariant: every row has a target; raw values are those that serving would read. Bound: rows_max of the source.
 */
import type { ModelInput } from "../../core/model-input.ts";
import { isKeptAsText } from "../../core/model-input.ts";
import type { TrainingTask } from "../../core/training-set.ts";
import type { RawRows } from "../../transform/raw-rows.ts";

export interface TrainingTable {
  readonly inputs: readonly ModelInput[];
  readonly raw: RawRows;
  /** Class indexes, or values. */
  readonly targets: Float64Array;
  /** Names of the classes in the order of their indexes; absent for a regression. */
  readonly classes?: readonly string[];
  /** What a row weighs, positive; absent when all weigh the same. */
  readonly weights?: Float64Array;
  /** ms since 1970; absent when the rows have no times. */
  readonly timesMs?: Float64Array;
  /** Hash of the row's entity, else of its prediction or content. */
  readonly groups: Uint32Array;
}

/** What there is to say of rows or columns that training goes on with, or without. */
export interface DataNote {
  readonly field: string;
  readonly message: string;
}

export function taskOf({ classes }: Pick<TrainingTable, "classes">): TrainingTask {
  if (classes === undefined) return { kind: "regression" };
  return classes.length === 2
    ? { kind: "binary", classes: 2 }
    : { kind: "multiclass", classes: classes.length };
}

/** The raw rows at `indexes`, in that order. */
export function rawRowsAt({ count, numbers, texts }: RawRows, indexes: Uint32Array): RawRows {
  const width = numbers.length / Math.max(1, count);
  const textWidth = texts.length / Math.max(1, count);
  const picked = new Float32Array(indexes.length * width);
  const pickedTexts: string[] = [];
  for (let row = 0; row < indexes.length; row++) {
    const from = indexes[row] as number;
    picked.set(numbers.subarray(from * width, (from + 1) * width), row * width);
    for (let text = 0; text < textWidth; text++) pickedTexts.push(texts[from * textWidth + text] as string);
  }
  return { count: indexes.length, numbers: picked, texts: pickedTexts };
}

/** The rows of a table at `indexes`, in that order. */
export function rowsAt(table: TrainingTable, indexes: Uint32Array): TrainingTable {
  const { weights, timesMs, ...rest } = table;
  return {
    ...rest,
    raw: rawRowsAt(table.raw, indexes),
    targets: numbersAt(table.targets, indexes),
    groups: Uint32Array.from(indexes, (row) => table.groups[row] as number),
    ...(weights === undefined ? {} : { weights: numbersAt(weights, indexes) }),
    ...(timesMs === undefined ? {} : { timesMs: numbersAt(timesMs, indexes) }),
  };
}

export function numbersAt(values: Float64Array, indexes: Uint32Array): Float64Array {
  const picked = new Float64Array(indexes.length);
  for (let row = 0; row < indexes.length; row++) picked[row] = values[indexes[row] as number] as number;
  return picked;
}

/** The value of input `at` in each row: NaN and "" for a missing one. Categories by their names. */
export function rawColumn(
  { inputs, raw }: Pick<TrainingTable, "inputs" | "raw">,
  at: number,
): Float32Array | readonly string[] {
  const input = inputs[at] as ModelInput;
  const { count, numbers, texts } = raw;
  if (isKeptAsText(input)) {
    const width = texts.length / Math.max(1, count);
    const place = inputs.slice(0, at).filter(isKeptAsText).length;
    return Array.from({ length: count }, (_, row) => texts[row * width + place] as string);
  }
  const values = new Float32Array(count);
  for (let row = 0; row < count; row++) values[row] = numbers[row * inputs.length + at] as number;
  if (input.type !== "category") return values;
  return Array.from(values, (code) => input.categories[code] ?? "");
}
