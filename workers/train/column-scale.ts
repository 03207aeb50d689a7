/**
 * Mean and deviation of columns, by which the solvers see them: around zero and of about the same size, however they were
 * measured. What is solved does not depend on it, only how exactly and how fast.
 */
import type { TrainingSet } from "../../engine/core/training-set.ts";

export interface ColumnScale {
  readonly means: Float64Array;
  /** Population standard deviations around `means`. */
  readonly deviations: Float64Array;
}

/** `isCentered`: without it the means are 0, for models without an intercept. */
export function scaleOf({ columns, rows, weights }: TrainingSet, isCentered: boolean): ColumnScale {
  const means = new Float64Array(columns.length);
  const deviations = new Float64Array(columns.length);
  const total = weightOf(rows, weights);
  for (const [index, { values }] of columns.entries()) {
    const mean = isCentered ? weightedSum(values, 0, 1, weights) / total : 0;
    means[index] = mean;
    deviations[index] = Math.sqrt(weightedSum(values, mean, 2, weights) / total);
  }
  return { means, deviations };
}

/** What all rows weigh. */
export function weightOf(rows: number, weights: Float64Array | undefined): number {
  return weights === undefined ? rows : weights.reduce((sum, weight) => sum + weight, 0);
}

function weightedSum(
  values: Float32Array,
  mean: number,
  power: 1 | 2,
  weights: Float64Array | undefined,
): number {
  let sum = 0;
  for (let row = 0; row < values.length; row++) {
    const distance = (values[row] as number) - mean;
    sum +=
      (power === 1 ? distance : distance * distance) * (weights === undefined ? 1 : (weights[row] as number));
  }
  return sum;
}
