/**
 * Reads an ensemble back from the ONNX file that tree-ensemble-onnx wrote, to go on from it: all that predicts is in the
 * file, to the last bit. Gains are told from covers and values: what each split parts the values by, weighted by cover, which for a
 * squared loss without regularisation is the very gain.
 *
 * Invariant: children stand behind their parents, so that whatever a file says, walking a tree ends.
 */
import type { OnnxAttribute } from "../onnx/onnx-model.ts";
import { decodeOnnx } from "../onnx/onnx-reader.ts";
import type { ExportedModel } from "../trainer.ts";
import { initialOnnx, trainingInvalid } from "../training-checks.ts";
import type { Ensemble, Tree } from "./tree.ts";

const REMEDY = "Train with mode FULL_RETRAIN.";

/** What the model to go on from must be. */
export interface EnsembleShape {
  readonly kind: Ensemble["kind"];
  readonly columns: number;
  readonly width: number;
}

/** @throws EngineError INVALID_REQUEST when the model is no ensemble of that shape, MODEL_INVALID when its file is damaged */
export function readEnsemble(model: ExportedModel, { kind, columns, width }: EnsembleShape): Ensemble {
  const { nodes, inputs } = decodeOnnx(initialOnnx(model));
  const node = nodes.find(({ operator }) => operator === "TreeEnsembleRegressor");
  const found = new Attributes(node?.attributes ?? {});
  const taken = inputs[0]?.shape[1];
  if (taken !== columns || found.int("n_targets") !== width || found.kind !== kind)
    throw trainingInvalid(
      "initial",
      `it is no ${kind === "sum" ? "gradient boosting" : "random forest"} of ${columns} columns for this task. ${REMEDY}`,
    );
  const base = kind === "sum" ? found.floats("base_values") : new Float32Array(width);
  return { trees: readTrees(found, kind === "sum" ? 1 : width, columns), width, kind, base, columns };
}

class Attributes {
  readonly #all: Readonly<Record<string, OnnxAttribute>>;

  constructor(all: Readonly<Record<string, OnnxAttribute>>) {
    this.#all = all;
  }

  get kind(): Ensemble["kind"] | undefined {
    const found = this.#all["aggregate_function"];
    if (found === undefined || !("string" in found)) return undefined;
    return found.string === "SUM" ? "sum" : found.string === "AVERAGE" ? "mean" : undefined;
  }

  int(name: string): number {
    const found = this.#all[name];
    return found !== undefined && "int" in found ? found.int : 0;
  }

  ints(name: string): ArrayLike<number> {
    const found = this.#all[name];
    return found !== undefined && "ints" in found ? found.ints : [];
  }

  floats(name: string): Float32Array {
    const found = this.#all[name];
    return found !== undefined && "floats" in found ? found.floats : new Float32Array();
  }

  strings(name: string): readonly string[] {
    const found = this.#all[name];
    return found !== undefined && "strings" in found ? found.strings : [];
  }
}

/** The nodes of all trees as the file has them, one index each. */
interface FileNodes {
  readonly trees: ArrayLike<number>;
  readonly ids: ArrayLike<number>;
  readonly features: ArrayLike<number>;
  readonly modes: readonly string[];
  readonly values: Float32Array;
  readonly covers: Float32Array;
  readonly trues: ArrayLike<number>;
  readonly falses: ArrayLike<number>;
  readonly missingTrue: ArrayLike<number>;
}

function readTrees(found: Attributes, width: number, columns: number): Tree[] {
  const nodes: FileNodes = {
    trees: found.ints("nodes_treeids"),
    ids: found.ints("nodes_nodeids"),
    features: found.ints("nodes_featureids"),
    modes: found.strings("nodes_modes"),
    values: found.floats("nodes_values"),
    covers: found.floats("nodes_hitrates"),
    trues: found.ints("nodes_truenodeids"),
    falses: found.ints("nodes_falsenodeids"),
    missingTrue: found.ints("nodes_missing_value_tracks_true"),
  };
  const count = nodes.modes.length;
  if (Object.values(nodes).some(({ length }) => length !== count))
    throw foreign("its attributes are of different lengths");
  const weights = found.floats("target_weights");
  const trees: Tree[] = [];
  for (let begin = 0, leaf = 0; begin < count; ) {
    let end = begin;
    while (end < count && nodes.trees[end] === trees.length) end += 1;
    const tree = readTree(nodes, begin, end, width, columns);
    for (let node = 0; node < tree.nodes; node++) {
      if (tree.feature[node] !== -1) continue;
      for (let place = 0; place < width; place++)
        tree.values[node * width + place] = weights[leaf++] ?? Number.NaN;
    }
    if (!tree.values.every(Number.isFinite)) throw foreign("a leaf has no number");
    addGains(tree);
    trees.push(tree);
    begin = end;
  }
  return trees;
}

function readTree(file: FileNodes, begin: number, end: number, width: number, columns: number): Tree {
  const at = new Map<number, number>();
  for (let index = begin; index < end; index++) at.set(file.ids[index] as number, index);
  const chains = new Map<number, number[]>();
  const chained = new Set<number>();
  for (let index = begin; index < end; index++) {
    if (file.modes[index] !== "BRANCH_EQ" || chained.has(index)) continue;
    const chain = chainFrom(file, index, at);
    chains.set(index, chain);
    for (const link of chain.slice(1)) chained.add(link);
  }
  const nodes = end - begin - chained.size;
  const tree = emptyTree(nodes, width);
  for (let index = begin; index < end; index++) {
    if (chained.has(index)) continue;
    const node = file.ids[index] as number;
    if (node < 0 || node >= nodes) throw foreign(`node ${node} is not numbered as here`);
    tree.cover[node] = file.covers[index] as number;
    if (file.modes[index] === "LEAF") continue;
    const chain = chains.get(index);
    const last = chain?.at(-1) ?? index;
    const [left, right] = [file.trues[index] as number, file.falses[last] as number];
    const feature = file.features[index] as number;
    const isKnown = chain !== undefined || file.modes[index] === "BRANCH_LEQ";
    const isBehind = left > node && right > node && left < nodes && right < nodes;
    if (!isKnown || !isBehind || feature < 0 || feature >= columns)
      throw foreign(`node ${node} is of another kind`);
    tree.feature[node] = feature;
    tree.left[node] = left;
    tree.right[node] = right;
    tree.missingLeft[node] = file.missingTrue[index] as number;
    if (chain === undefined) tree.threshold[node] = file.values[index] as number;
    else
      tree.categories.set(
        node,
        Int32Array.from(chain, (link) => file.values[link] as number),
      );
  }
  return tree;
}

/** The comparisons behind each other that make up one set of categories. */
function chainFrom(file: FileNodes, first: number, at: ReadonlyMap<number, number>): number[] {
  const chain = [first];
  for (;;) {
    const last = chain.at(-1) as number;
    const next = at.get(file.falses[last] as number);
    if (next === undefined || next <= last || file.modes[next] !== "BRANCH_EQ") return chain;
    if (file.trues[next] !== file.trues[first] || file.features[next] !== file.features[first]) return chain;
    chain.push(next);
  }
}

function emptyTree(nodes: number, width: number): Tree & { readonly categories: Map<number, Int32Array> } {
  return {
    nodes,
    feature: new Int32Array(nodes).fill(-1),
    threshold: new Float32Array(nodes),
    missingLeft: new Uint8Array(nodes),
    left: new Int32Array(nodes),
    right: new Int32Array(nodes),
    categories: new Map(),
    width,
    values: new Float32Array(nodes * width),
    cover: new Float32Array(nodes),
    gain: new Float64Array(nodes),
  };
}

/** Cover × value², summed over the children, less that of their mean; from the leaves up. */
function addGains({ nodes, width, feature, left, right, values, cover, gain }: Tree): void {
  const means = Float64Array.from(values);
  for (let node = nodes - 1; node >= 0; node--) {
    if (feature[node] === -1) continue;
    const [first, second] = [left[node] as number, right[node] as number];
    const [heavy, light] = [cover[first] as number, cover[second] as number];
    const all = heavy + light;
    for (let place = 0; place < width; place++) {
      const a = means[first * width + place] as number;
      const b = means[second * width + place] as number;
      means[node * width + place] = all > 0 ? (heavy * a + light * b) / all : (a + b) / 2;
      if (all > 0) gain[node] = (gain[node] as number) + ((heavy * light) / all) * (a - b) ** 2;
    }
  }
}

function foreign(problem: string): Error {
  return trainingInvalid("initial", `no trainer of trees here made it: ${problem}. ${REMEDY}`);
}
