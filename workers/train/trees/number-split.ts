/**
 * The best threshold of a column of numbers, from its histogram. hot path
 *
 * Both sides are tried for the rows without a value. A column without any in the leaf sends later ones to the heavier child.
 */
import type { BinnedColumn } from "./binned-rows.ts";
import {
  type BestSplit,
  type LeafSums,
  leastHessian,
  outputOf,
  type SplitRules,
  score,
  scoreAt,
} from "./split.ts";

/**
 * Puts a better split than `best` into it.
 * @param start index of the column's first bin in `histogram`
 */
export function scanNumbers(
  histogram: Float64Array,
  start: number,
  column: BinnedColumn,
  place: number,
  leaf: LeafSums,
  rules: SplitRules,
  best: BestSplit,
): void {
  const missingAt = 2 * (start + column.values);
  const missingGradient = column.hasMissing ? (histogram[missingAt] as number) : 0;
  const missingHessian = column.hasMissing ? (histogram[missingAt + 1] as number) : 0;
  const hasMissing = missingHessian > leaf.hessian * 1e-12;
  const scan = rules.monotone === undefined ? bestFreeBin : bestBoundedBin;
  const sign = rules.monotone?.[place] ?? 0;
  // without missing rows a cut behind the last bin would part nothing
  const last = column.values - (hasMissing ? 1 : 2);
  scan(histogram, start, last, 0, 0, sign, leaf, rules);
  if (found.gain > best.gain) take(best, place, false, hasMissing, leaf, rules);
  if (!hasMissing) return;
  scan(histogram, start, column.values - 2, missingGradient, missingHessian, sign, leaf, rules);
  if (found.gain > best.gain) take(best, place, true, true, leaf, rules);
}

/** What a scan found; one object, so that scans allocate nothing. */
const found = { gain: 0, bin: 0, gradient: 0, hessian: 0 };

function take(
  best: BestSplit,
  place: number,
  isLeft: boolean,
  hasMissing: boolean,
  leaf: LeafSums,
  rules: SplitRules,
): void {
  const { gain, bin, gradient, hessian } = found;
  best.take(place, gain, gradient, hessian, leaf, rules.lambdaL2);
  best.bin = bin;
  best.missingLeft = hasMissing ? isLeft : hessian >= leaf.hessian / 2;
}

/** @param gradient and hessian: what is on the left before bin 0 */
function bestFreeBin(
  histogram: Float64Array,
  start: number,
  last: number,
  gradient: number,
  hessian: number,
  _sign: number,
  leaf: LeafSums,
  rules: SplitRules,
): void {
  const lambda = rules.lambdaL2;
  const allGradient = leaf.gradient;
  const allHessian = leaf.hessian;
  const least = leastHessian(rules, leaf);
  const leftMax = allHessian - least;
  let bestScore = score(allGradient, allHessian, lambda) + rules.minGainToSplit;
  const floor = bestScore - rules.minGainToSplit;
  let bestBin = -1;
  let bestGradient = 0;
  let bestHessian = 0;
  for (let bin = 0, at = 2 * start; bin <= last; bin++, at += 2) {
    gradient += histogram[at] as number;
    hessian += histogram[at + 1] as number;
    if (hessian < least) continue;
    if (hessian > leftMax) break;
    const rest = allGradient - gradient;
    const sum = (gradient * gradient) / (hessian + lambda) + (rest * rest) / (allHessian - hessian + lambda);
    if (sum > bestScore) {
      bestScore = sum;
      bestBin = bin;
      bestGradient = gradient;
      bestHessian = hessian;
    }
  }
  found.gain = bestBin < 0 ? 0 : bestScore - floor;
  found.bin = bestBin;
  found.gradient = bestGradient;
  found.hessian = bestHessian;
}

/** The same under monotone constraints: outputs stay in the leaf's bounds, and the children in the column's order. */
function bestBoundedBin(
  histogram: Float64Array,
  start: number,
  last: number,
  gradient: number,
  hessian: number,
  sign: number,
  leaf: LeafSums,
  rules: SplitRules,
): void {
  const lambda = rules.lambdaL2;
  const least = leastHessian(rules, leaf);
  // as LightGBM: of the leaf's sums, also where bounds keep its output from them
  const floor = score(leaf.gradient, leaf.hessian, lambda);
  let bestScore = floor + rules.minGainToSplit;
  found.gain = 0;
  for (let bin = 0, at = 2 * start; bin <= last; bin++, at += 2) {
    gradient += histogram[at] as number;
    hessian += histogram[at + 1] as number;
    if (hessian < least) continue;
    const restHessian = leaf.hessian - hessian;
    if (restHessian < least) break;
    const rest = leaf.gradient - gradient;
    const left = outputOf(gradient, hessian, lambda, leaf);
    const right = outputOf(rest, restHessian, lambda, leaf);
    if ((right - left) * sign < 0) continue;
    const sum = scoreAt(left, gradient, hessian, lambda) + scoreAt(right, rest, restHessian, lambda);
    if (sum <= bestScore) continue;
    bestScore = sum;
    found.gain = sum - floor;
    found.bin = bin;
    found.gradient = gradient;
    found.hessian = hessian;
  }
}
