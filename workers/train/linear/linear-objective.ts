/**
 * What a linear model minimises: the mean loss of its rows and the squared distance of its coefficients from where they are
 * drawn to (0, or the model to go on from).
 *
 *     Σ sᵢ loss(yᵢ, b + (xᵢ - mean)·w) / Σ sᵢ  +  penalty / 2 · |w - w₀|²
 *
 * with log loss, or squared error for regressions. It is a function of u = w / scale, where `scale` makes the curvature of all
 * coordinates about 1, and of the intercepts of centered columns. Vectors hold one block an output: a coefficient per column,
 * then the intercept. Reads columns in place, so its memory is a number per row and output.
 */
import type { TrainingSet, TrainingTask } from "../../../engine/core/training-set.ts";
import { type ColumnScale, scaleOf, weightOf } from "../column-scale.ts";
import type { Objective } from "./lbfgs.ts";
import { type LinearModel, weightedSums } from "./linear-model.ts";

export interface LinearProblem {
  readonly set: TrainingSet;
  readonly task: TrainingTask;
  /** Of a mean loss: 1 / (C · Σ s) for classifiers, 2 · alpha / Σ s for regressions. */
  readonly penalty: number;
  readonly fitIntercept: boolean;
  /** Where training starts, and where the penalty draws to. */
  readonly start: LinearModel;
}

export interface LinearObjective {
  readonly value: Objective;
  readonly start: Float64Array;
  modelAt(u: Float64Array): LinearModel;
}

export function linearObjective(problem: LinearProblem): LinearObjective {
  const { set, task, penalty, fitIntercept, start } = problem;
  const moments = scaleOf(set, fitIntercept);
  const curvature = task.kind === "regression" ? 2 : 0.25;
  const scale = moments.deviations.map((deviation) => 1 / Math.sqrt(curvature * deviation ** 2 + penalty));
  const total = weightOf(set.rows, set.weights);
  const block = set.columns.length + 1;
  const sums = start.coefficients.map(() => new Float64Array(set.rows));
  const value: Objective = (u, gradient) => {
    for (const [output, sum] of sums.entries())
      addProducts(set, moments, scale, u.subarray(output * block), sum);
    let result = lossesToSlopes(task, set, sums) / total;
    for (const [output, slopes] of sums.entries()) {
      const own = gradient.subarray(output * block, (output + 1) * block);
      writeSlopes(set, moments, slopes, total, own);
      if (!fitIntercept) own[block - 1] = 0;
      result += addPenalty(
        u.subarray(output * block),
        start.coefficients[output] as Float64Array,
        scale,
        penalty,
        own,
      );
    }
    return result;
  };
  return {
    value,
    start: vectorOf(start, moments, scale),
    modelAt: (u) => modelOf(u, start, moments, scale),
  };
}

/** The mean loss of `model` on `set`, without any penalty. */
export function meanLoss(model: LinearModel, set: TrainingSet): number {
  const sums = model.coefficients.map((weights, output) =>
    weightedSums(set.columns, weights, model.intercepts[output] as number, set.rows),
  );
  return lossesToSlopes(model.task, set, sums) / weightOf(set.rows, set.weights);
}

function vectorOf(
  { coefficients, intercepts }: LinearModel,
  { means }: ColumnScale,
  scale: Float64Array,
): Float64Array {
  const block = scale.length + 1;
  const u = new Float64Array(coefficients.length * block);
  for (const [output, weights] of coefficients.entries()) {
    let intercept = intercepts[output] as number;
    for (const [column, weight] of weights.entries()) {
      u[output * block + column] = weight / (scale[column] as number);
      intercept += weight * (means[column] as number);
    }
    u[output * block + block - 1] = intercept;
  }
  return u;
}

function modelOf(
  u: Float64Array,
  start: LinearModel,
  { means }: ColumnScale,
  scale: Float64Array,
): LinearModel {
  const block = scale.length + 1;
  const intercepts = new Float64Array(start.intercepts.length);
  const coefficients = start.coefficients.map((_, output) => {
    const weights = scale.map((size, column) => size * (u[output * block + column] as number));
    const shift = weights.reduce((sum, weight, column) => sum + weight * (means[column] as number), 0);
    intercepts[output] = (u[output * block + block - 1] as number) - shift;
    return weights;
  });
  return { ...start, coefficients, intercepts };
}

function addProducts(
  set: TrainingSet,
  { means }: ColumnScale,
  scale: Float64Array,
  u: Float64Array,
  sums: Float64Array,
): void {
  sums.fill(u[scale.length] as number);
  for (const [column, { values }] of set.columns.entries()) {
    const weight = (u[column] as number) * (scale[column] as number);
    const mean = means[column] as number;
    if (weight === 0) continue;
    for (let row = 0; row < sums.length; row++)
      sums[row] = (sums[row] as number) + weight * ((values[row] as number) - mean);
  }
}

/** Gives the weighted losses' sum, and puts the weighted derivative of each in the place of its sum. */
function lossesToSlopes(task: TrainingTask, set: TrainingSet, sums: readonly Float64Array[]): number {
  const { targets, weights } = set;
  if (task.kind === "multiclass") return softmaxSlopes(targets, weights, sums);
  const [own = new Float64Array()] = sums;
  let total = 0;
  for (let row = 0; row < own.length; row++) {
    const weight = weights === undefined ? 1 : (weights[row] as number);
    const sum = own[row] as number;
    const target = targets[row] as number;
    if (task.kind === "regression") {
      total += weight * (sum - target) ** 2;
      own[row] = 2 * weight * (sum - target);
    } else {
      const power = Math.exp(-Math.abs(sum));
      total += weight * (Math.max(sum, 0) - target * sum + Math.log1p(power));
      own[row] = weight * ((sum >= 0 ? 1 : power) / (1 + power) - target);
    }
  }
  return total;
}

function softmaxSlopes(
  targets: Float64Array,
  weights: Float64Array | undefined,
  sums: readonly Float64Array[],
): number {
  let total = 0;
  for (let row = 0; row < targets.length; row++) {
    const weight = weights === undefined ? 1 : (weights[row] as number);
    const target = targets[row] as number;
    let maximum = Number.NEGATIVE_INFINITY;
    for (const sum of sums) maximum = Math.max(maximum, sum[row] as number);
    let powers = 0;
    for (const sum of sums) powers += Math.exp((sum[row] as number) - maximum);
    total += weight * (maximum + Math.log(powers) - ((sums[target] as Float64Array)[row] as number));
    for (let output = 0; output < sums.length; output++) {
      const sum = sums[output] as Float64Array;
      const probability = Math.exp((sum[row] as number) - maximum) / powers;
      sum[row] = weight * (probability - (output === target ? 1 : 0));
    }
  }
  return total;
}

/** Of the mean loss, by coefficient (not yet scaled) and intercept. */
function writeSlopes(
  set: TrainingSet,
  { means }: ColumnScale,
  slopes: Float64Array,
  total: number,
  gradient: Float64Array,
): void {
  for (const [column, { values }] of set.columns.entries()) {
    const mean = means[column] as number;
    let sum = 0;
    for (let row = 0; row < slopes.length; row++)
      sum += (slopes[row] as number) * ((values[row] as number) - mean);
    gradient[column] = sum / total;
  }
  gradient[set.columns.length] = slopes.reduce((sum, slope) => sum + slope, 0) / total;
}

/** Adds the penalty's part to the gradient, takes it over to u, and gives the penalty. */
function addPenalty(
  u: Float64Array,
  drawnTo: Float64Array,
  scale: Float64Array,
  penalty: number,
  gradient: Float64Array,
): number {
  let result = 0;
  for (let column = 0; column < scale.length; column++) {
    const size = scale[column] as number;
    const distance = (u[column] as number) * size - (drawnTo[column] as number);
    result += (penalty / 2) * distance * distance;
    gradient[column] = ((gradient[column] as number) + penalty * distance) * size;
  }
  return result;
}
