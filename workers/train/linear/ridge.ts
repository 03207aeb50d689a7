/**
 * Ridge regression in closed form: the normal equations of centered and scaled columns, solved by Cholesky's decomposition.
 *
 * Bound: the matrix has a number for each pair of columns; the caller bounds the columns.
 */
import type { TrainingSet } from "../../../engine/core/training-set.ts";
import { type ColumnScale, scaleOf, weightOf } from "../column-scale.ts";
import { trainingInvalid } from "../training-checks.ts";
import { type LinearModel, predictLinear } from "./linear-model.ts";

const BLOCK_ROWS = 4096;

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
  const scale = scaleOf(set, fitIntercept);
  const residuals = predictLinear(start, columns, rows).map((value, row) => (targets[row] as number) - value);
  const total = weightOf(rows, weights);
  const mean = fitIntercept ? weightedTotal(residuals, weights) / total : 0;
  const { matrix, right } = normalEquations(
    set,
    scale,
    residuals.map((residual) => residual - mean),
  );
  for (const [index, size] of scale.deviations.entries()) {
    const own = matrix[index] as Float64Array;
    // a constant column is 0 in the equations, and so its coefficient stays
    own[index] = size === 0 ? 1 : (own[index] as number) + alpha / (size * size);
  }
  const solution = solveCholesky(matrix, right);
  if (solution === undefined)
    throw trainingInvalid(
      "alpha",
      `columns depend on each other, and ${alpha} is too small to tell them apart. Raise it, or leave columns out.`,
    );
  const [from = new Float64Array()] = start.coefficients;
  const change = solution.map((value, column) => value / ((scale.deviations[column] as number) || 1));
  const shift = change.reduce((sum, value, column) => sum + value * (scale.means[column] as number), 0);
  const coefficients = from.map((weight, column) => weight + (change[column] as number));
  const intercept = (start.intercepts[0] as number) + (fitIntercept ? mean - shift : 0);
  return { ...start, coefficients: [coefficients], intercepts: Float64Array.of(intercept) };
}

function weightedTotal(values: Float64Array, weights: Float64Array | undefined): number {
  return values.reduce((sum, value, row) => sum + value * (weights?.[row] ?? 1), 0);
}

/** Zᵀ S Z (its lower half) and Zᵀ S r for the scaled columns Z, a block of rows at a time. */
function normalEquations(
  { rows, columns, weights }: TrainingSet,
  { means, deviations }: ColumnScale,
  residuals: Float64Array,
): { matrix: Float64Array[]; right: Float64Array } {
  const matrix = columns.map(() => new Float64Array(columns.length));
  const right = new Float64Array(columns.length);
  const block = columns.map(() => new Float64Array(BLOCK_ROWS));
  const blockResiduals = new Float64Array(BLOCK_ROWS);
  const roots = new Float64Array(BLOCK_ROWS);
  for (let start = 0; start < rows; start += BLOCK_ROWS) {
    const count = Math.min(BLOCK_ROWS, rows - start);
    for (let place = 0; place < count; place++) {
      const root = Math.sqrt(weights?.[start + place] ?? 1);
      roots[place] = root;
      blockResiduals[place] = root * (residuals[start + place] as number);
    }
    for (const [index, own] of block.entries()) {
      const { values } = columns[index] as TrainingSet["columns"][number];
      const mean = means[index] as number;
      const size = deviations[index] as number;
      for (let place = 0; place < count; place++)
        own[place] =
          size === 0 ? 0 : (((values[start + place] as number) - mean) / size) * (roots[place] as number);
      const sums = matrix[index] as Float64Array;
      for (let other = 0; other <= index; other++)
        sums[other] = (sums[other] as number) + dot(own, block[other] as Float64Array, count);
      right[index] = (right[index] as number) + dot(own, blockResiduals, count);
    }
  }
  return { matrix, right };
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

function dot(a: Float64Array, b: Float64Array, count: number): number {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += (a[index] as number) * (b[index] as number);
  return sum;
}
