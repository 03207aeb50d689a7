/**
 * Reads the weights of a model whose scores are weighted sums of its columns: MatMul and Add, Gemm, LinearClassifier or
 * LinearRegressor, behind scalers or not. Scalers change no contribution: their factors are multiplied into the weights.
 */
import type { OnnxAttribute, OnnxNode, OnnxTensor } from "../train/onnx/onnx-model.ts";
import type { ScoreGraph } from "./score-graph.ts";

export interface LinearScores {
  /** Per score one weight a column. */
  readonly weights: readonly Float64Array[];
  readonly intercepts: Float64Array;
  /** Of the operator itself, as it calls it. */
  readonly transform: string;
}

/** @throws Error for shapes and attributes that are none of a weighted sum of `columns` columns. */
export function readLinearScores({ nodes, before, initializers }: ScoreGraph, columns: number): LinearScores {
  const [sum, added] = nodes as [OnnxNode, OnnxNode | undefined];
  let scores = sum.operator.startsWith("Linear")
    ? readLinear(sum, columns)
    : readProduct(sum, initializers, columns);
  if (added !== undefined)
    scores = { ...scores, intercepts: plus(scores.intercepts, addedBy(added, initializers)) };
  for (const node of [...before].reverse())
    if (node.operator === "Scaler") scores = behindScaler(scores, node);
  return scores;
}

/** Coefficients stand score by score. */
function readLinear(node: OnnxNode, columns: number): LinearScores {
  const coefficients = floatsOf(node, "coefficients");
  const count = coefficients.length / columns;
  const intercepts = floatsOf(node, "intercepts");
  const weights = Array.from({ length: count }, (_, score) =>
    Float64Array.from(coefficients.subarray(score * columns, (score + 1) * columns)),
  );
  const transform = node.attributes?.["post_transform"];
  return checked({
    weights,
    intercepts: Float64Array.from({ length: count }, (_, score) => intercepts[score] ?? 0),
    transform: transform !== undefined && "string" in transform ? transform.string : "NONE",
  });
}

/** MatMul, or Gemm: alpha × (the columns · a matrix) + beta × a vector. */
function readProduct(
  node: OnnxNode,
  initializers: ScoreGraph["initializers"],
  columns: number,
): LinearScores {
  const matrix = initializers.get(node.inputs[1] ?? "");
  if (matrix?.shape.length !== 2 || intOf(node, "transA") !== 0)
    throw new Error("the product is of other shapes");
  const isTurned = intOf(node, "transB") !== 0;
  const numbers = numbersOf(matrix);
  const count = numbers.length / columns;
  if (matrix.shape[isTurned ? 1 : 0] !== columns) throw new Error("the product is of other columns");
  const alpha = floatOf(node, "alpha");
  const weights = Array.from({ length: count }, (_, score) =>
    Float64Array.from({ length: columns }, (_, column) => {
      const at = isTurned ? score * columns + column : column * count + score;
      return alpha * (numbers[at] as number);
    }),
  );
  const added = initializers.get(node.inputs[2] ?? "");
  const beta = floatOf(node, "beta");
  const intercepts =
    added === undefined ? new Float64Array(count) : numbersOf(added).map((number) => beta * number);
  return checked({ weights, intercepts, transform: "NONE" });
}

function addedBy(node: OnnxNode, initializers: ScoreGraph["initializers"]): Float64Array {
  const tensor = node.inputs.map((input) => initializers.get(input)).find((found) => found !== undefined);
  if (tensor === undefined) throw new Error("nothing constant is added");
  return numbersOf(tensor);
}

/** One number is added to all. */
function plus(intercepts: Float64Array, added: Float64Array): Float64Array {
  if (added.length !== 1 && added.length !== intercepts.length) throw new Error("the sum is of other shapes");
  return intercepts.map((intercept, score) => intercept + (added[added.length === 1 ? 0 : score] as number));
}

/** weight × ((x - offset) × scale) */
function behindScaler({ weights, intercepts, transform }: LinearScores, node: OnnxNode): LinearScores {
  const [offsets, scales] = [floatsOf(node, "offset"), floatsOf(node, "scale")];
  const at = (values: Float32Array, column: number, fallback: number): number =>
    values[values.length === 1 ? 0 : column] ?? fallback;
  return {
    weights: weights.map((row) => row.map((weight, column) => weight * at(scales, column, 1))),
    intercepts: intercepts.map((intercept, score) =>
      (weights[score] as Float64Array).reduce(
        (sum, weight, column) => sum - weight * at(scales, column, 1) * at(offsets, column, 0),
        intercept,
      ),
    ),
    transform,
  };
}

function checked(scores: LinearScores): LinearScores {
  const { weights, intercepts } = scores;
  if (weights.length >= 1 && Number.isInteger(weights.length) && intercepts.length === weights.length)
    return scores;
  throw new Error("the sum has no weights, or other ones than intercepts");
}

function numbersOf({ name, data }: OnnxTensor): Float64Array {
  if (data instanceof BigInt64Array) throw new Error(`its tensor "${name}" holds no floats`);
  return Float64Array.from(data);
}

function attributeOf(node: OnnxNode, name: string): OnnxAttribute | undefined {
  return node.attributes?.[name];
}

function floatsOf(node: OnnxNode, name: string): Float32Array {
  const found = attributeOf(node, name);
  return found !== undefined && "floats" in found ? found.floats : new Float32Array();
}

/** 1 unless the file says otherwise. */
function floatOf(node: OnnxNode, name: string): number {
  const found = attributeOf(node, name);
  return found !== undefined && "float" in found ? found.float : 1;
}

function intOf(node: OnnxNode, name: string): number {
  const found = attributeOf(node, name);
  return found !== undefined && "int" in found ? found.int : 0;
}
