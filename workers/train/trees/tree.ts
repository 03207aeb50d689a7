/**
 * Trees as arrays, and ensembles of them: what boosting and forests grow, what predicts and what is exported.
 *
 *     node 0 is the root; feature[node] = -1 at a leaf, whose numbers are values[node × width …]
 *     left when x <= threshold[node], or when x is one of categories[node]; a missing x goes left when missingLeft[node]
 *
 * Invariant: thresholds and values are float32 as in the exported file, so both decide and add the same numbers.
 */
import type { TrainingSet } from "../../../engine/core/training-set.ts";

export interface Tree {
  readonly nodes: number;
  /** The column in the training set, or -1 for a leaf. */
  readonly feature: Int32Array;
  readonly threshold: Float32Array;
  readonly missingLeft: Uint8Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  /** Codes that go left, ascending, of nodes that split a category. */
  readonly categories: ReadonlyMap<number, Int32Array>;
  /** Numbers a leaf. */
  readonly width: number;
  readonly values: Float32Array;
  /** Weight of the training rows in each node: the sum of hessians, as XGBoost's cover. */
  readonly cover: Float32Array;
  /** What its split gained; 0 at leaves. */
  readonly gain: Float64Array;
}

/** Sums (of boosting) or means (of a forest) of trees. */
export interface Ensemble {
  readonly trees: readonly Tree[];
  /** Numbers a row. */
  readonly width: number;
  readonly kind: "sum" | "mean";
  /** Added to each row's numbers; float32. */
  readonly base: Float32Array;
  /** Columns of the training set. */
  readonly columns: number;
}

/** Where tree `index` of `ensemble` adds its leaves' numbers: boosting grows a tree for each number in turn. */
export function targetOf({ width }: Ensemble, tree: Tree, index: number): number {
  return tree.width === width ? 0 : index % width;
}

/** The leaf that row `row` reaches. */
export function leafOf(tree: Tree, columns: TrainingSet["columns"], row: number): number {
  const { feature, threshold, left, right, missingLeft, categories } = tree;
  let node = 0;
  for (let column = feature[0] as number; column >= 0; column = feature[node] as number) {
    const x = (columns[column] as TrainingSet["columns"][number]).values[row] as number;
    let isLeft: boolean;
    if (x !== x) isLeft = missingLeft[node] === 1;
    else if (categories.size > 0 && categories.has(node))
      isLeft = holds(categories.get(node) as Int32Array, x);
    else isLeft = x <= (threshold[node] as number);
    node = (isLeft ? left[node] : right[node]) as number;
  }
  return node;
}

function holds(codes: Int32Array, code: number): boolean {
  let low = 0;
  let high = codes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((codes[middle] as number) < code) low = middle + 1;
    else high = middle;
  }
  return codes[low] === code;
}

/** Adds each row's leaf to `sums` [rows, width], row-major. */
export function addTree(
  tree: Tree,
  target: number,
  columns: TrainingSet["columns"],
  rows: number,
  sums: Float64Array,
  width: number,
): void {
  for (let row = 0; row < rows; row++) {
    const leaf = leafOf(tree, columns, row) * tree.width;
    const at = row * width + target;
    for (let index = 0; index < tree.width; index++)
      sums[at + index] = (sums[at + index] as number) + (tree.values[leaf + index] as number);
  }
}

/** What the trees say of each row, before any link: [rows, width], row-major. */
export function sumTrees(ensemble: Ensemble, columns: TrainingSet["columns"], rows: number): Float64Array {
  const { width, base } = ensemble;
  const sums = new Float64Array(rows * width);
  ensemble.trees.forEach((tree, index) =>
    addTree(tree, targetOf(ensemble, tree, index), columns, rows, sums, width),
  );
  const share = ensemble.kind === "mean" ? 1 / Math.max(ensemble.trees.length, 1) : 1;
  for (let index = 0; index < sums.length; index++)
    sums[index] = (sums[index] as number) * share + (base[index % width] as number);
  return sums;
}

/** Each column's share in the gain of all splits; undefined when nothing was split. */
export function gainShares({ trees, columns }: Ensemble): Float64Array | undefined {
  const shares = new Float64Array(columns);
  let total = 0;
  for (const { nodes, feature, gain } of trees)
    for (let node = 0; node < nodes; node++) {
      const column = feature[node] as number;
      if (column < 0) continue;
      shares[column] = (shares[column] as number) + (gain[node] as number);
      total += gain[node] as number;
    }
  return total > 0 ? shares.map((share) => share / total) : undefined;
}
