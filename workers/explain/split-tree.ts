/**
 * A decision tree as explanations read it, whatever file it comes from: tests normalized, weights of leaves by score.
 *
 *     node 0 is the root, parents stand before children; feature[node] = -1 at a leaf
 *     left when x <= threshold[node], or when x is one of sets[node]; a missing x goes left when missingLeft[node]
 */
export interface SplitTree {
  readonly nodes: number;
  readonly depth: number;
  readonly feature: Int32Array;
  readonly threshold: Float64Array;
  readonly missingLeft: Uint8Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  /** Of nodes that ask whether a value is one of several. */
  readonly sets: ReadonlyMap<number, ReadonlySet<number>>;
  /** Weight of the training rows in each node; NaN where the file does not say. */
  readonly cover: Float64Array;
  /** By score what each leaf adds to it; undefined for scores that the tree has no say in. */
  readonly values: readonly (Float64Array | undefined)[];
}

/** Sums of trees: one score per class or value, or one for two classes. */
export interface TreeScores {
  readonly trees: readonly SplitTree[];
  /** Added to each score. */
  readonly base: Float64Array;
  /** Whether all nodes have covers that agree with each other. */
  readonly hasCovers: boolean;
}

export function goesLeft(tree: SplitTree, node: number, x: number): boolean {
  if (x !== x) return tree.missingLeft[node] === 1;
  if (tree.sets.size > 0) {
    const set = tree.sets.get(node);
    if (set !== undefined) return set.has(x);
  }
  return x <= (tree.threshold[node] as number);
}

/** What the trees add up to for a row. */
export function scoreOf({ trees, base }: TreeScores, score: number, row: Float32Array): number {
  let sum = base[score] as number;
  for (const tree of trees) {
    const values = tree.values[score];
    if (values === undefined) continue;
    let node = 0;
    for (let column = tree.feature[0] as number; column >= 0; column = tree.feature[node] as number) {
      const isLeft = goesLeft(tree, node, row[column] as number);
      node = (isLeft ? tree.left[node] : tree.right[node]) as number;
    }
    sum += values[node] as number;
  }
  return sum;
}
