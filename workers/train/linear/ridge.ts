/**
 * Ridge regression in closed form: the normal equations of centered and scaled columns, solved by Cholesky's decomposition.
 *
 * Bound: the matrix has a number for each pair of columns; the caller bounds the columns.
 */
import type { TrainingSet } from "../../../engine/core/training-set.ts";
import { scaleOf, weightOf } from "../column-scale.ts";
import { trainingInvalid } from "../training-checks.ts";
import { type LinearModel, predictLinear } from "./linear-model.ts";

/**
 * Minimises Σ s (y - b - x·w)² + alpha |w - w₀|² (scikit-learn's Ridge, for w₀ = 0) with w₀ that of `start`.
 * @throws EngineError INVALID_REQUEST naming alpha when columns depend on each other and alpha is too small to tell them apart
 */
export function solveRidge(
  set: TrainingSet,
  alpha: number,
  fitIntercept: boolean,
  start: LinearModel,
): LinearModel {
  const { rows, columns, targets, weights } = set;
  const { means, deviations } = scaleOf(set, fitIntercept);
  const residuals = predictLinear(start, columns, rows).map((value, row) => (targets[row] as number) - value);
  const total = weightOf(rows, weights);
  const weigh = (row: number): number => (weights === undefined ? 1 : (weights[row] as number)) / total;
  const mean = fitIntercept ? residuals.reduce((sum, residual, row) => sum + weigh(row) * residual, 0) : 0;
  // columns as the equations see them: a constant one stays 0, and so does its coefficient
  const scaled = columns.map(({ values }, column) => {
    const size = deviations[column] as number;
    return Float64Array.from(values, (value) =>
      size === 0 ? 0 : (value - (means[column] as number)) / size,
    );
  });
  const weighted = new Float64Array(rows);
  const matrix = columns.map(() => new Float64Array(columns.length));
  const right = new Float64Array(columns.length);
  for (const [index, one] of scaled.entries()) {
    for (let row = 0; row < rows; row++) weighted[row] = (one[row] as number) * weigh(row);
    for (let other = 0; other <= index; other++)
      (matrix[index] as Float64Array)[other] = dot(weighted, scaled[other] as Float64Array);
    for (let row = 0; row < rows; row++)
      right[index] =
        (right[index] as number) + (weighted[row] as number) * ((residuals[row] as number) - mean);
    const size = deviations[index] as number;
    const own = matrix[index] as Float64Array;
    own[index] = size === 0 ? 1 : (own[index] as number) + alpha / (total * size * size);
  }
  const solution = solveCholesky(matrix, right);
  if (solution === undefined)
    throw trainingInvalid(
      "alpha",
      `columns depend on each other, and ${alpha} is too small to tell them apart. Raise it, or leave columns out.`,
    );
  const [from = new Float64Array()] = start.coefficients;
  const change = solution.map((value, column) =>
    (deviations[column] as number) === 0 ? 0 : value / (deviations[column] as number),
  );
  const shift = change.reduce((sum, value, column) => sum + value * (means[column] as number), 0);
  const coefficients = from.map((weight, column) => weight + (change[column] as number));
  const intercept = (start.intercepts[0] as number) + (fitIntercept ? mean - shift : 0);
  return { ...start, coefficients: [coefficients], intercepts: Float64Array.of(intercept) };
}

/**
 * Solves A x = b for a symmetric A, given by its lower half, which is overwritten. undefined when A is not positive definite
 * to the precision of float64.
 */
export function solveCholesky(lower: readonly Float64Array[], right: Float64Array): Float64Array | undefined {
  const x = Float64Array.from(right);
  for (const [row, own] of lower.entries()) {
    const diagonal = own[row] as number;
    for (let column = 0; column <= row; column++) {
      const other = lower[column] as Float64Array;
      let sum = own[column] as number;
      for (let index = 0; index < column; index++) sum -= (own[index] as number) * (other[index] as number);
      if (column < row) own[column] = sum / (other[column] as number);
      else if (sum <= diagonal * lower.length * Number.EPSILON) return undefined;
      else own[row] = Math.sqrt(sum);
    }
    for (let column = 0; column < row; column++)
      x[row] = (x[row] as number) - (own[column] as number) * (x[column] as number);
    x[row] = (x[row] as number) / (own[row] as number);
  }
  for (let row = lower.length - 1; row >= 0; row--) {
    for (let below = row + 1; below < lower.length; below++)
      x[row] = (x[row] as number) - ((lower[below] as Float64Array)[row] as number) * (x[below] as number);
    x[row] = (x[row] as number) / ((lower[row] as Float64Array)[row] as number);
  }
  return x;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] as number) * (b[index] as number);
  return sum;
}
