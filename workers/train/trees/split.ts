/**
 * What a split of a leaf is worth, and the best one found so far. Gains are those of LightGBM and XGBoost without L1:
 * G²/(H + λ) summed over the children, less the parent's; a leaf's output is -G/(H + λ).
 */
import type { BinSplit } from "./bin-split.ts";

/** How splits are judged; LightGBM's parameters. */
export interface SplitRules {
  readonly lambdaL2: number;
  readonly minSumHessian: number;
  readonly minDataInLeaf: number;
  readonly minGainToSplit: number;
  readonly catSmooth: number;
  readonly catL2: number;
  readonly maxCatThreshold: number;
  readonly maxCatToOnehot: number;
  readonly minDataPerGroup: number;
  /** 1 rising, -1 falling, 0 free, by place of the binned columns; absent when all are free. */
  readonly monotone?: Int8Array;
}

/** The rows of a leaf, summed up, and what its output may be. */
export interface LeafSums {
  readonly gradient: number;
  readonly hessian: number;
  readonly rows: number;
  readonly lower: number;
  readonly upper: number;
}

/** The best split of one leaf. Reused: `clear` makes it none. */
export class BestSplit implements BinSplit {
  /** Above minGainToSplit, or 0 for none. */
  gain = 0;
  place = -1;
  /** Value bins up to this one go left, of numbers. */
  bin = 0;
  missingLeft = false;
  /** Of categories: 1 for each bin that goes left. */
  readonly leftBins = new Uint8Array(256);
  leftGradient = 0;
  leftHessian = 0;
  /** Outputs of the children. */
  leftOutput = 0;
  rightOutput = 0;

  clear(): void {
    this.gain = 0;
    this.place = -1;
  }

  /** Makes it one with these sums on the left, and no bins there yet. */
  take(place: number, gain: number, gradient: number, hessian: number, leaf: LeafSums, lambda: number): void {
    this.gain = gain;
    this.place = place;
    this.missingLeft = false;
    this.leftBins.fill(0);
    this.leftGradient = gradient;
    this.leftHessian = hessian;
    this.leftOutput = outputOf(gradient, hessian, lambda, leaf);
    this.rightOutput = outputOf(leaf.gradient - gradient, leaf.hessian - hessian, lambda, leaf);
  }
}

export function score(gradient: number, hessian: number, lambda: number): number {
  return (gradient * gradient) / (hessian + lambda);
}

/** The output of a leaf that holds these sums, within the leaf's bounds. */
export function outputOf(
  gradient: number,
  hessian: number,
  lambda: number,
  { lower, upper }: LeafSums,
): number {
  return Math.min(Math.max(-gradient / (hessian + lambda), lower), upper);
}

/** The score of an output that bounds may have moved: equal to `score` where they have not. */
export function scoreAt(output: number, gradient: number, hessian: number, lambda: number): number {
  return -(2 * gradient * output + (hessian + lambda) * output * output);
}

/**
 * The least sum of hessians that a child needs: its own bound, and minDataInLeaf rows. Rows of a bin are not counted but told from
 * its hessian, as LightGBM does (exact where all hessians are equal; counting them costs a third more time).
 */
export function leastHessian(rules: SplitRules, leaf: LeafSums): number {
  return Math.max(
    rules.minSumHessian,
    ((rules.minDataInLeaf - 0.5) * leaf.hessian) / leaf.rows,
    Number.MIN_VALUE,
  );
}
