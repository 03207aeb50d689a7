/**
 * Rows that a trainer learns from, as columns of typed arrays: what preprocessing makes of a model's inputs, in the order of the
 * input tensor, so that a trainer sees the very numbers that the model will be served.
 *
 * Invariant: all arrays of a set have `rows` elements. Bound: the builder's rows_max.
 */

/** What is to be learned. Targets are class indexes, or values. */
export type TrainingTask =
  | { readonly kind: "binary"; readonly classes: 2 }
  | { readonly kind: "multiclass"; readonly classes: number }
  | { readonly kind: "regression" };

export interface TrainingColumn {
  readonly name: string;
  /** NaN for a missing value. Codes 0, 1, … for a category. */
  readonly values: Float32Array;
  /** How many codes a category has; absent for numbers, whose order means something. */
  readonly categories?: number;
}

export interface TrainingSet {
  readonly rows: number;
  readonly columns: readonly TrainingColumn[];
  readonly targets: Float64Array;
  /** One positive weight a row; absent when all count the same. */
  readonly weights?: Float64Array;
}

/** Numbers per row that a model for this task predicts: one probability (of the second class), one per class, or one value. */
export function predictionWidth(task: TrainingTask): number {
  return task.kind === "multiclass" ? task.classes : 1;
}

/** The rows at `indexes`, in that order. */
export function rowsOf(set: TrainingSet, indexes: Uint32Array): TrainingSet {
  const pick = <T extends Float32Array | Float64Array>(from: T, to: T): T => {
    for (let row = 0; row < indexes.length; row++) to[row] = from[indexes[row] as number] as number;
    return to;
  };
  return {
    rows: indexes.length,
    columns: set.columns.map((column) => ({
      ...column,
      values: pick(column.values, new Float32Array(indexes.length)),
    })),
    targets: pick(set.targets, new Float64Array(indexes.length)),
    ...(set.weights === undefined ? {} : { weights: pick(set.weights, new Float64Array(indexes.length)) }),
  };
}
