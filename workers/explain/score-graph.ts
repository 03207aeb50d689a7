/**
 * Finds in a graph the one operator that scores the rows (trees, or a weighted sum), and what turns its scores into the answer.
 *
 *     input → [Cast, Identity │ Scaler] → trees │ weighted sum → [Sigmoid │ Softmax │ what only rearranges] → output
 *
 * It goes back from the output and gives up on anything else: such a model is explained by what it answers, not by what it is.
 */
import type { OnnxModel, OnnxNode, OnnxTensor } from "../train/onnx/onnx-model.ts";

export type Link = "none" | "logistic" | "softmax";

export interface ScoreGraph {
  readonly kind: "trees" | "linear";
  /** The operator; for a sum that is added to, both. */
  readonly nodes: readonly OnnxNode[];
  /** Operators between the input and it, in the order of computing. */
  readonly before: readonly OnnxNode[];
  /** Of the operators behind it; the operator itself may have one too. */
  readonly link: Link;
  /** Whether the answers of each row are divided by their sum. */
  readonly isNormalized: boolean;
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
}

const TREES = new Set(["TreeEnsembleRegressor", "TreeEnsembleClassifier", "TreeEnsemble"]);
const LINEAR = new Set(["LinearClassifier", "LinearRegressor", "Gemm", "MatMul"]);
const REARRANGING = new Set([
  "Identity",
  "Cast",
  "Reshape",
  "Flatten",
  "Squeeze",
  "Sub",
  "Concat",
  "Normalizer",
]);
const LINKS: Readonly<Record<string, Link>> = { Sigmoid: "logistic", Softmax: "softmax" };
const BEFORE = new Set(["Identity", "Cast", "Scaler"]);
const STEPS_MAX = 100;

/** Undefined when the output is not scores that were linked and rearranged. */
export function scoreGraph(graph: OnnxModel, output: string): ScoreGraph | undefined {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const initializers = new Map(graph.initializers.map((tensor) => [tensor.name, tensor]));
  const links = new Set<Link>();
  const found = new Set<string>();
  let isNormalized = false;
  const waiting = [output];
  for (let steps = 0; waiting.length > 0; steps++) {
    const name = waiting.pop() as string;
    if (steps > STEPS_MAX) return undefined;
    if (initializers.has(name)) continue;
    const node = producers.get(name);
    if (node === undefined) return undefined;
    const link = LINKS[node.operator];
    if (link !== undefined) links.add(link);
    isNormalized ||= node.operator === "Normalizer";
    if (link !== undefined || REARRANGING.has(node.operator) || isByOne(node, initializers))
      waiting.push(...node.inputs.filter((input) => input !== ""));
    else found.add(name);
  }
  const [name, ...others] = found;
  if (name === undefined || others.length > 0 || links.size > 1) return undefined;
  const nodes = scorersOf(name, producers, initializers);
  const [first] = nodes ?? [];
  const before =
    first === undefined ? undefined : wayFromInput(graph, dataInputOf(first, initializers), producers);
  if (nodes === undefined || first === undefined || before === undefined) return undefined;
  const kind = TREES.has(first.operator) ? "trees" : "linear";
  const [link = "none"] = links;
  return { kind, nodes, before, link, isNormalized, initializers };
}

/** Converters leave such products behind. */
function isByOne({ operator, inputs }: OnnxNode, initializers: ScoreGraph["initializers"]): boolean {
  const factor = inputs.map((input) => initializers.get(input)).find((tensor) => tensor !== undefined);
  return operator === "Mul" && factor?.data.length === 1 && Number(factor.data[0]) === 1;
}

type Producers = ReadonlyMap<string, OnnxNode>;
type Initializers = ScoreGraph["initializers"];

/** The operator that makes `name`, data first. The first output of a classifier is the class. */
function scorersOf(name: string, producers: Producers, initializers: Initializers): OnnxNode[] | undefined {
  const node = producers.get(name) as OnnxNode;
  if (TREES.has(node.operator) || LINEAR.has(node.operator))
    return node.outputs.indexOf(name) === (node.operator.endsWith("Classifier") ? 1 : 0) ? [node] : undefined;
  if (node.operator !== "Add") return undefined;
  const sum = node.inputs.map((input) => producers.get(input)).find((input) => input?.operator === "MatMul");
  return sum !== undefined && node.inputs.some((input) => initializers.has(input)) ? [sum, node] : undefined;
}

function dataInputOf(node: OnnxNode, initializers: Initializers): string {
  return node.inputs.find((input) => !initializers.has(input)) ?? "";
}

function wayFromInput(graph: OnnxModel, from: string, producers: Producers): OnnxNode[] | undefined {
  const way: OnnxNode[] = [];
  for (let name = from; ; name = way[0]?.inputs[0] ?? "") {
    if (graph.inputs.length === 1 && graph.inputs[0]?.name === name) return way;
    const node = producers.get(name);
    if (node === undefined || !BEFORE.has(node.operator) || way.length > STEPS_MAX) return undefined;
    way.unshift(node);
  }
}
