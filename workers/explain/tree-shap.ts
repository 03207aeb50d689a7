/**
 * Shapley values of a tree for one row, with what is unknown weighed by the trees' own covers: algorithm 2 of Lundberg, Erion and
 * Lee (2018), "Consistent individualized feature attribution for tree ensembles"; shap's `tree_path_dependent`.
 *
 * A path holds, for each feature that was asked on the way down, the share of subsets that follow when it is unknown (zero) and when
 * it is known (one), and the weights of subsets by size. Cost: leaves × depth² a tree. Every depth has its own stretch of the arrays,
 * so nothing is allocated per row.
 */
import { goesLeft, type SplitTree } from "./split-tree.ts";

export class TreeShap {
  readonly #features: Int32Array;
  readonly #zeros: Float64Array;
  readonly #ones: Float64Array;
  readonly #weights: Float64Array;

  /** For trees of at most that depth. */
  constructor(depth: number) {
    const length = ((depth + 2) * (depth + 3)) / 2;
    this.#features = new Int32Array(length);
    this.#zeros = new Float64Array(length);
    this.#ones = new Float64Array(length);
    this.#weights = new Float64Array(length);
  }

  /** Adds each column's share in what the tree adds to `score` to `contributions`; the tree needs covers. */
  add(tree: SplitTree, score: number, row: Float32Array, contributions: Float64Array): void {
    const values = tree.values[score];
    if (values !== undefined) this.#descend({ tree, values, row, contributions }, 0, 0, 0, 1, 1, -1);
  }

  /** `length`: features on the path above, whose stretch begins at `above`. */
  #descend(
    at: Walk,
    node: number,
    above: number,
    length: number,
    zero: number,
    one: number,
    feature: number,
  ): void {
    const { tree, row } = at;
    const begin = above + length;
    for (let place = 0; place < length; place++) {
      this.#features[begin + place] = this.#features[above + place] as number;
      this.#zeros[begin + place] = this.#zeros[above + place] as number;
      this.#ones[begin + place] = this.#ones[above + place] as number;
      this.#weights[begin + place] = this.#weights[above + place] as number;
    }
    this.#extend(begin, length, zero, one, feature);
    const column = tree.feature[node] as number;
    if (column < 0) return this.#credit(at, begin, length, node);
    const isLeft = goesLeft(tree, node, row[column] as number);
    const hot = (isLeft ? tree.left[node] : tree.right[node]) as number;
    const cold = (isLeft ? tree.right[node] : tree.left[node]) as number;
    const hotShare = (tree.cover[hot] as number) / (tree.cover[node] as number);
    const coldShare = (tree.cover[cold] as number) / (tree.cover[node] as number);
    let places = length + 1;
    let zeroBefore = 1;
    let oneBefore = 1;
    let place = length;
    while (place > 0 && this.#features[begin + place] !== column) place--;
    if (place > 0) {
      zeroBefore = this.#zeros[begin + place] as number;
      oneBefore = this.#ones[begin + place] as number;
      this.#unwind(begin, length, place);
      places -= 1;
    }
    this.#descend(at, hot, begin, places, hotShare * zeroBefore, oneBefore, column);
    this.#descend(at, cold, begin, places, coldShare * zeroBefore, 0, column);
  }

  /** A leaf: what it says, by the subsets in which each feature of the path leads to it, less those in which it does not. */
  #credit({ values, contributions }: Walk, begin: number, length: number, leaf: number): void {
    const value = values[leaf] as number;
    for (let place = 1; place <= length; place++) {
      const difference = (this.#ones[begin + place] as number) - (this.#zeros[begin + place] as number);
      if (difference === 0) continue;
      const column = this.#features[begin + place] as number;
      const weight = this.#sumWithout(begin, length, place);
      contributions[column] = (contributions[column] as number) + weight * difference * value;
    }
  }

  /** Puts a feature at place `length` of the path. */
  #extend(begin: number, length: number, zero: number, one: number, feature: number): void {
    const weights = this.#weights;
    this.#features[begin + length] = feature;
    this.#zeros[begin + length] = zero;
    this.#ones[begin + length] = one;
    weights[begin + length] = length === 0 ? 1 : 0;
    for (let size = length - 1; size >= 0; size--) {
      const weight = weights[begin + size] as number;
      weights[begin + size + 1] =
        (weights[begin + size + 1] as number) + (one * weight * (size + 1)) / (length + 1);
      weights[begin + size] = (zero * weight * (length - size)) / (length + 1);
    }
  }

  /** Takes the feature at `place` out of a path whose last place is `length`. */
  #unwind(begin: number, length: number, place: number): void {
    const weights = this.#weights;
    const zero = this.#zeros[begin + place] as number;
    const one = this.#ones[begin + place] as number;
    let next = weights[begin + length] as number;
    for (let size = length - 1; size >= 0; size--) {
      const weight = weights[begin + size] as number;
      if (one !== 0) {
        const without = (next * (length + 1)) / ((size + 1) * one);
        weights[begin + size] = without;
        next = weight - (without * zero * (length - size)) / (length + 1);
      } else weights[begin + size] = (weight * (length + 1)) / (zero * (length - size));
    }
    for (let after = place; after < length; after++) {
      this.#features[begin + after] = this.#features[begin + after + 1] as number;
      this.#zeros[begin + after] = this.#zeros[begin + after + 1] as number;
      this.#ones[begin + after] = this.#ones[begin + after + 1] as number;
    }
  }

  /** The sum of the weights that the path would have without the feature at `place`. */
  #sumWithout(begin: number, length: number, place: number): number {
    const weights = this.#weights;
    const zero = this.#zeros[begin + place] as number;
    const one = this.#ones[begin + place] as number;
    let sum = 0;
    let next = weights[begin + length] as number;
    for (let size = length - 1; size >= 0; size--) {
      const weight = weights[begin + size] as number;
      if (one !== 0) {
        const without = (next * (length + 1)) / ((size + 1) * one);
        sum += without;
        next = weight - (without * zero * (length - size)) / (length + 1);
      } else sum += (weight * (length + 1)) / (zero * (length - size));
    }
    return sum;
  }
}

interface Walk {
  readonly tree: SplitTree;
  readonly values: Float64Array;
  readonly row: Float32Array;
  readonly contributions: Float64Array;
}

/** What the tree adds to `score` when nothing is known: the mean of its leaves by cover. */
export function meanByCover(
  { nodes, feature, left, right, cover, values }: SplitTree,
  score: number,
): number {
  const means = Float64Array.from(values[score] ?? new Float64Array(nodes));
  for (let node = nodes - 1; node >= 0; node--) {
    if ((feature[node] as number) < 0) continue;
    const [first, second] = [left[node] as number, right[node] as number];
    const sum =
      (means[first] as number) * (cover[first] as number) +
      (means[second] as number) * (cover[second] as number);
    means[node] = sum / (cover[node] as number);
  }
  return means[0] as number;
}
