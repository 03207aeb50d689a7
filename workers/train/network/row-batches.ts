/**
 * Rows as tensors, a batch at a time: gathered from the columns as they are, so that no second copy of all rows is held.
 */
import type { Tensor1D, Tensor2D } from "@tensorflow/tfjs-core";
import type { TrainingColumn, TrainingSet } from "../../../engine/core/training-set.ts";
import type { Network } from "./network.ts";
import { targetScale } from "./network.ts";

export interface RowBatch {
  /** [rows, columns], as they are. */
  readonly features: Tensor2D;
  /** One-hot [rows, classes], or [rows, 1] in the targets' deviations. */
  readonly targets: Tensor2D;
  /** Weights, 1 on average over all rows. */
  readonly weights: Tensor1D;
}

/** Makes batches of the rows at some indexes; the caller owns the tidy scope. */
export function batchesOf(network: Network, set: TrainingSet): (indexes: Uint32Array) => RowBatch {
  const { core } = network.tfjs;
  const { task } = network.shape;
  const width = task.kind === "regression" ? 1 : task.classes;
  const scale = task.kind === "regression" ? targetScale(network) : undefined;
  const mean =
    set.weights === undefined ? 1 : set.weights.reduce((sum, weight) => sum + weight, 0) / set.rows;
  return (indexes) => {
    const count = indexes.length;
    const targets = new Float32Array(count * width);
    const weights = new Float32Array(count);
    for (let place = 0; place < count; place++) {
      const row = indexes[place] as number;
      const target = set.targets[row] as number;
      if (scale === undefined) targets[place * width + target] = 1;
      else targets[place] = (target - scale.mean) / scale.deviation;
      weights[place] = (set.weights?.[row] ?? 1) / mean;
    }
    return {
      features: core.tensor2d(gather(set.columns, indexes), [count, set.columns.length]),
      targets: core.tensor2d(targets, [count, width]),
      weights: core.tensor1d(weights),
    };
  };
}

/** Row-major. */
export function gather(columns: readonly TrainingColumn[], indexes: Uint32Array): Float32Array {
  const matrix = new Float32Array(indexes.length * columns.length);
  for (const [column, { values }] of columns.entries())
    for (let place = 0; place < indexes.length; place++)
      matrix[place * columns.length + column] = values[indexes[place] as number] as number;
  return matrix;
}
