/** Leaves of a tree that grows: the rows of each, summed up, and its best split. */
import type { BestSplit, LeafSums } from "./split.ts";

/** The rows at positions begin … end. */
export interface Leaf extends LeafSums {
  readonly node: number;
  readonly begin: number;
  readonly end: number;
  readonly depth: number;
  readonly output: number;
  readonly split: BestSplit;
  /** Kept for its children's; absent when it cannot be split or there was no room. */
  histogram: Float64Array | undefined;
}

type Side = Pick<Leaf, "gradient" | "hessian" | "output" | "lower" | "upper">;

export function newLeaf(
  { gradient, hessian, output, lower, upper }: Side,
  node: number,
  begin: number,
  end: number,
  depth: number,
  split: BestSplit,
): Leaf {
  const rows = end - begin;
  return {
    gradient,
    hessian,
    output,
    lower,
    upper,
    node,
    begin,
    end,
    rows,
    depth,
    split,
    histogram: undefined,
  };
}

/**
 * The sums and bounds of both sides of a leaf's split. A rising column bounds the left child from above and the right one from
 * below by the middle of their outputs (LightGBM's basic method).
 * @param sign 1 rising, -1 falling, 0 free
 */
export function sidesOf({ gradient, hessian, lower, upper, split }: Leaf, sign: number): [Side, Side] {
  const middle = (split.leftOutput + split.rightOutput) / 2;
  return [
    {
      gradient: split.leftGradient,
      hessian: split.leftHessian,
      output: split.leftOutput,
      lower: sign < 0 ? Math.max(lower, middle) : lower,
      upper: sign > 0 ? Math.min(upper, middle) : upper,
    },
    {
      gradient: gradient - split.leftGradient,
      hessian: hessian - split.leftHessian,
      output: split.rightOutput,
      lower: sign > 0 ? Math.max(lower, middle) : lower,
      upper: sign < 0 ? Math.min(upper, middle) : upper,
    },
  ];
}

export function mostGaining(leaves: readonly Leaf[]): Leaf | undefined {
  let most: Leaf | undefined;
  for (const leaf of leaves) if (leaf.split.gain > (most?.split.gain ?? 0)) most = leaf;
  return most;
}
