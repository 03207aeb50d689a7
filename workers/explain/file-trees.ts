/**
 * Trees as an ONNX file lists them, brought to one form: the attributes of TreeEnsembleClassifier and TreeEnsembleRegressor
 * (ai.onnx.ml 1 to 3), or of TreeEnsemble (5), as arrays with an index per node. What those trees say: split-trees.ts.
 */
import type { OnnxAttribute, OnnxNode } from "../train/onnx/onnx-model.ts";

/** The names of tests, by their number in TreeEnsemble 5; a leaf comes behind them. */
const MODES = [
  "BRANCH_LEQ",
  "BRANCH_LT",
  "BRANCH_GTE",
  "BRANCH_GT",
  "BRANCH_EQ",
  "BRANCH_NEQ",
  "BRANCH_MEMBER",
  "LEAF",
] as const;
export type Mode = (typeof MODES)[number];
const AGGREGATES = ["AVERAGE", "SUM", "MIN", "MAX"];
const TRANSFORMS = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"];

export interface FileTrees {
  readonly roots: readonly number[];
  readonly modes: readonly Mode[];
  readonly features: ArrayLike<number>;
  readonly values: ArrayLike<number>;
  /** Of the tests BRANCH_MEMBER. */
  readonly members: ReadonlyMap<number, readonly number[]>;
  /** Index of the node that follows; -1 where there is none. */
  readonly yes: ArrayLike<number>;
  readonly no: ArrayLike<number>;
  /** Whether a missing value passes the test; fewer than nodes when none does. */
  readonly missingYes: ArrayLike<number>;
  /** Fewer than nodes when the file does not say. */
  readonly covers: ArrayLike<number>;
  /** Per leaf the scores that it adds to, and what. */
  readonly leaves: ReadonlyMap<number, readonly { readonly score: number; readonly weight: number }[]>;
  readonly scores: number;
  readonly base: ArrayLike<number>;
  readonly aggregate: string;
  readonly transform: string;
}

/** @throws Error when the attributes are none of trees. */
export function readFileTrees(node: OnnxNode): FileTrees {
  const attributes = new Attributes(node);
  return node.operator === "TreeEnsemble" ? readFive(attributes) : readThree(attributes, node.operator);
}

function readThree(found: Attributes, operator: string): FileTrees {
  const isClassifier = operator === "TreeEnsembleClassifier";
  const part = isClassifier ? "class" : "target";
  const trees = found.numbers("nodes_treeids");
  const ids = found.numbers("nodes_nodeids");
  const modes = found.strings("nodes_modes").map(modeOf);
  const count = modes.length;
  const index = new Map<string, number>();
  for (let at = 0; at < count; at++) index.set(`${trees[at]} ${ids[at]}`, at);
  const indexesOf = (name: string): number[] =>
    Array.from(found.numbers(name), (id, at) =>
      modes[at] === "LEAF" ? -1 : (index.get(`${trees[at]} ${id}`) ?? -1),
    );
  const scored = found.numbers(`${part}_ids`);
  const weights = found.either(`${part}_weights`);
  const leaves = new Map<number, { score: number; weight: number }[]>();
  const leafTrees = found.numbers(`${part}_treeids`);
  const leafIds = found.numbers(`${part}_nodeids`);
  const classes = Math.max(
    found.strings("classlabels_strings").length,
    found.numbers("classlabels_int64s").length,
  );
  // with two classes and weights for one of them, there is one score
  const isSingle = isClassifier && classes === 2 && new Set(Array.from(scored)).size <= 1;
  for (let at = 0; at < scored.length; at++) {
    const leaf = index.get(`${leafTrees[at]} ${leafIds[at]}`) ?? -1;
    const score = isSingle ? 0 : (scored[at] as number);
    leaves.set(leaf, [...(leaves.get(leaf) ?? []), { score, weight: weights[at] as number }]);
  }
  return {
    roots: rootsOf(trees, count),
    modes,
    features: found.numbers("nodes_featureids"),
    values: found.either("nodes_values"),
    members: new Map(),
    yes: indexesOf("nodes_truenodeids"),
    no: indexesOf("nodes_falsenodeids"),
    missingYes: found.numbers("nodes_missing_value_tracks_true"),
    covers: found.either("nodes_hitrates"),
    leaves,
    scores: isSingle ? 1 : isClassifier ? classes : found.int("n_targets", 1),
    base: found.either("base_values"),
    aggregate: found.string("aggregate_function", "SUM"),
    transform: found.string("post_transform", "NONE"),
  };
}

/** The first node of each tree. */
function rootsOf(trees: ArrayLike<number>, count: number): number[] {
  const roots = new Map<number, number>();
  for (let at = 0; at < count; at++) if (!roots.has(trees[at] as number)) roots.set(trees[at] as number, at);
  return [...roots.values()];
}

/** Nodes first, then the leaves, which have numbers of their own in the file. */
function readFive(found: Attributes): FileTrees {
  const tests = Array.from(found.numbers("nodes_modes"), (mode) => modeOf(MODES[mode] ?? ""));
  const targets = found.numbers("leaf_targetids");
  const weights = found.numbers("leaf_weights");
  const count = tests.length;
  const indexesOf = (ids: string, isLeaf: ArrayLike<number>): number[] =>
    Array.from(found.numbers(ids), (id, at) => (isLeaf[at] === 1 ? count + id : id));
  const leaves = Array.from(
    targets,
    (score, leaf) => [count + leaf, [{ score, weight: weights[leaf] as number }]] as const,
  );
  const sets = membersOf(found.numbers("membership_values"));
  const members = tests.flatMap((mode, at) => (mode === "BRANCH_MEMBER" ? [at] : []));
  return {
    roots: Array.from(found.numbers("tree_roots")),
    modes: [...tests, ...Array.from(targets, () => "LEAF" as const)],
    features: found.numbers("nodes_featureids"),
    values: found.numbers("nodes_splits"),
    members: new Map(members.map((at, place) => [at, sets[place] ?? []])),
    yes: indexesOf("nodes_truenodeids", found.numbers("nodes_trueleafs")),
    no: indexesOf("nodes_falsenodeids", found.numbers("nodes_falseleafs")),
    missingYes: found.numbers("nodes_missing_value_tracks_true"),
    covers: [], // it has none of leaves
    leaves: new Map(leaves),
    scores: found.int("n_targets", 1),
    base: [],
    aggregate: AGGREGATES[found.int("aggregate_function", 1)] ?? "",
    transform: TRANSFORMS[found.int("post_transform", 0)] ?? "",
  };
}

/** Each set ends with NaN. */
function membersOf(values: ArrayLike<number>): number[][] {
  const sets: number[][] = [];
  let set: number[] = [];
  for (const value of Array.from(values)) {
    if (!Number.isNaN(value)) set.push(value);
    else {
      sets.push(set);
      set = [];
    }
  }
  return sets;
}

function modeOf(name: string): Mode {
  const mode = MODES.find((known) => known === name);
  if (mode === undefined) throw new Error(`nodes of mode "${name}" are not known`);
  return mode;
}

class Attributes {
  readonly #all: Readonly<Record<string, OnnxAttribute>>;

  constructor({ attributes = {} }: OnnxNode) {
    this.#all = attributes;
  }

  int(name: string, fallback: number): number {
    const found = this.#all[name];
    return found !== undefined && "int" in found ? found.int : fallback;
  }

  string(name: string, fallback: string): string {
    const found = this.#all[name];
    return found !== undefined && "string" in found ? found.string : fallback;
  }

  strings(name: string): readonly string[] {
    const found = this.#all[name];
    return found !== undefined && "strings" in found ? found.strings : [];
  }

  /** Of a list or a tensor. */
  numbers(name: string): ArrayLike<number> {
    const found = this.#all[name];
    if (found === undefined) return [];
    if ("ints" in found) return found.ints;
    if ("floats" in found) return found.floats;
    if ("tensor" in found && !(found.tensor.data instanceof BigInt64Array)) return found.tensor.data;
    throw new Error(`its attribute "${name}" holds no numbers`);
  }

  /** In float32, or in float64 under the name of a tensor. */
  either(name: string): ArrayLike<number> {
    return name in this.#all ? this.numbers(name) : this.numbers(`${name}_as_tensor`);
  }
}
