/**
 * A linear model: sums of weighted columns, then a link. What LINEAR trains, and what an ensemble combines its members with.
 *
 *     columns [rows, d] → · coefficients [d, k] + intercepts [k] → link → value, P(second class) or P of each class
 *
 * It is exported in float64, so that columns of large numbers lose nothing, and so that training goes on from the very weights.
 */
import {
  predictionWidth,
  type TrainingColumn,
  type TrainingTask,
} from "../../../engine/core/training-set.ts";
import { FEATURES, outputOf } from "../model-ports.ts";
import { type OnnxModel, type OnnxNode, rowsPort } from "../onnx/onnx-model.ts";

/** identity: sums are the prediction (of the second class, for two). */
export type Link = "identity" | "sigmoid" | "softmax";

export interface LinearModel {
  readonly task: TrainingTask;
  readonly link: Link;
  /** Per number predicted (predictionWidth of the task) one weight a column: `[output][column]`. */
  readonly coefficients: readonly Float64Array[];
  readonly intercepts: Float64Array;
}

const FLOAT32 = 1;
const FLOAT64 = 11;

/** `rows × predictionWidth`, row-major. */
export function predictLinear(
  model: LinearModel,
  columns: readonly TrainingColumn[],
  rows: number,
): Float64Array {
  const width = predictionWidth(model.task);
  const sums = model.coefficients.map((weights, output) =>
    weightedSums(columns, weights, model.intercepts[output] as number, rows),
  );
  const results = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++)
    for (let output = 0; output < width; output++)
      results[row * width + output] = (sums[output] as Float64Array)[row] as number;
  applyLink(model.link, results, width);
  return results;
}

/** One number a row: `start` and the weighted columns. */
export function weightedSums(
  columns: readonly TrainingColumn[],
  weights: Float64Array,
  start: number,
  rows: number,
): Float64Array {
  const sums = new Float64Array(rows).fill(start);
  for (const [index, { values }] of columns.entries()) {
    const weight = weights[index] as number;
    for (let row = 0; row < rows; row++) sums[row] = (sums[row] as number) + weight * (values[row] as number);
  }
  return sums;
}

/** In place, on rows of `width` sums. */
export function applyLink(link: Link, sums: Float64Array, width: number): void {
  if (link === "sigmoid")
    for (let index = 0; index < sums.length; index++) sums[index] = sigmoid(sums[index] as number);
  if (link === "softmax")
    for (let start = 0; start < sums.length; start += width) softmax(sums.subarray(start, start + width));
}

function sigmoid(sum: number): number {
  return 1 / (1 + Math.exp(-sum));
}

function softmax(row: Float64Array): void {
  let maximum = Number.NEGATIVE_INFINITY;
  for (const value of row) maximum = Math.max(maximum, value);
  let total = 0;
  for (let index = 0; index < row.length; index++) {
    const power = Math.exp((row[index] as number) - maximum);
    row[index] = power;
    total += power;
  }
  for (let index = 0; index < row.length; index++) row[index] = (row[index] as number) / total;
}

/** The model as a graph from `features` to `probabilities` or `value`. */
export function toOnnx(model: LinearModel): OnnxModel {
  const output = outputOf(model.task);
  const columns = model.coefficients[0]?.length ?? 0;
  const { coefficients, intercepts } = model.task.kind === "binary" ? bothClasses(model) : model;
  const coefficient = (index: number): number =>
    coefficients[index % output.width]?.[Math.floor(index / output.width)] ?? 0;
  const link: OnnxNode =
    model.link === "softmax"
      ? { operator: "Softmax", inputs: ["sums"], outputs: ["linked"], attributes: { axis: { int: 1 } } }
      : {
          operator: model.link === "sigmoid" ? "Sigmoid" : "Identity",
          inputs: ["sums"],
          outputs: ["linked"],
        };
  return {
    nodes: [
      { operator: "Cast", inputs: [FEATURES], outputs: ["exact"], attributes: { to: { int: FLOAT64 } } },
      { operator: "MatMul", inputs: ["exact", "coefficients"], outputs: ["products"] },
      { operator: "Add", inputs: ["products", "intercepts"], outputs: ["sums"] },
      link,
      { operator: "Cast", inputs: ["linked"], outputs: [output.name], attributes: { to: { int: FLOAT32 } } },
    ],
    initializers: [
      {
        name: "coefficients",
        shape: [columns, output.width],
        data: Float64Array.from({ length: columns * output.width }, (_, index) => coefficient(index)),
      },
      { name: "intercepts", shape: [output.width], data: Float64Array.from(intercepts) },
    ],
    inputs: [rowsPort(FEATURES, columns)],
    outputs: [rowsPort(output.name, output.width)],
  };
}

/** P(first class) beside P(second class): of the negative sum, or what is missing to 1. */
function bothClasses({
  link,
  coefficients,
  intercepts,
}: LinearModel): Pick<LinearModel, "coefficients" | "intercepts"> {
  const [weights = new Float64Array()] = coefficients;
  const [intercept = 0] = intercepts;
  return {
    coefficients: [weights.map((weight) => -weight), weights],
    intercepts: Float64Array.of((link === "identity" ? 1 : 0) - intercept, intercept),
  };
}

/** The model that `toOnnx` made `graph` of; undefined if it made it of none for this task, or of other columns. */
export function fromOnnx(
  graph: OnnxModel,
  task: TrainingTask,
  link: Link,
  columns: number,
): LinearModel | undefined {
  const width = outputOf(task).width;
  const tensor = (name: string, count: number): Float64Array | undefined => {
    const data = graph.initializers.find((candidate) => candidate.name === name)?.data;
    return data instanceof Float64Array && data.length === count ? data : undefined;
  };
  const matrix = tensor("coefficients", columns * width);
  const intercepts = tensor("intercepts", width);
  if (matrix === undefined || intercepts === undefined || graph.outputs[0]?.name !== outputOf(task).name)
    return undefined;
  const all = Array.from({ length: width }, (_, output) =>
    Float64Array.from({ length: columns }, (_, column) => matrix[column * width + output] as number),
  );
  return task.kind === "binary"
    ? { task, link, coefficients: all.slice(1), intercepts: intercepts.slice(1) }
    : { task, link, coefficients: all, intercepts };
}
