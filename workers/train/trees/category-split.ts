/**
 * The best set of categories to part from the others, from a column's histogram: as LightGBM, one category against the rest when
 * there are few; else categories in the order of their mean gradient, cut from either end (Fisher 1958: the best of all sets
 * for a squared loss is such a cut).
 *
 * Rows without a value, and codes without a bin of their own, always go right, as later unknown ones do.
 */
import type { BinnedColumn } from "./binned-rows.ts";
import { type BestSplit, type LeafSums, leastHessian, type SplitRules, score } from "./split.ts";

/** Puts a better split than `best` into it. */
export function scanCategories(
  histogram: Float64Array,
  start: number,
  column: BinnedColumn,
  place: number,
  leaf: LeafSums,
  rules: SplitRules,
  best: BestSplit,
): void {
  if (column.values <= rules.maxCatToOnehot)
    oneAgainstRest(histogram, start, column, place, leaf, rules, best);
  else sortedSets(histogram, start, column, place, leaf, rules, best);
}

function oneAgainstRest(
  histogram: Float64Array,
  start: number,
  column: BinnedColumn,
  place: number,
  leaf: LeafSums,
  rules: SplitRules,
  best: BestSplit,
): void {
  const least = leastHessian(rules, leaf);
  for (let bin = 0; bin < column.values; bin++) {
    const hessian = histogram[2 * (start + bin) + 1] as number;
    if (hessian < least || leaf.hessian - hessian < least) continue;
    const gradient = histogram[2 * (start + bin)] as number;
    const gain = gainOf(gradient, hessian, leaf, rules, rules.lambdaL2);
    if (gain <= rules.minGainToSplit || gain <= best.gain) continue;
    best.take(place, gain, gradient, hessian, leaf, rules.lambdaL2);
    best.leftBins[bin] = 1;
  }
}

const order = new Int32Array(256);

function sortedSets(
  histogram: Float64Array,
  start: number,
  column: BinnedColumn,
  place: number,
  leaf: LeafSums,
  rules: SplitRules,
  best: BestSplit,
): void {
  const perHessian = leaf.rows / leaf.hessian;
  const used = sortBins(histogram, start, column.values, perHessian, rules.catSmooth);
  const countMax = Math.min(rules.maxCatThreshold, (used + 1) >>> 1);
  const lambda = rules.lambdaL2 + rules.catL2;
  const least = leastHessian(rules, leaf);
  for (const step of [1, -1]) {
    let gradient = 0;
    let hessian = 0;
    let group = 0;
    for (let taken = 0, at = step > 0 ? 0 : used - 1; taken < Math.min(countMax, used); taken++, at += step) {
      const bin = 2 * (start + (order[at] as number));
      gradient += histogram[bin] as number;
      hessian += histogram[bin + 1] as number;
      group += (histogram[bin + 1] as number) * perHessian;
      if (hessian < least) continue;
      const rest = leaf.hessian - hessian;
      if (rest < least || rest * perHessian < rules.minDataPerGroup - 0.5) break;
      if (group < rules.minDataPerGroup - 0.5) continue;
      group = 0;
      const gain = gainOf(gradient, hessian, leaf, rules, lambda);
      if (gain <= rules.minGainToSplit || gain <= best.gain) continue;
      best.take(place, gain, gradient, hessian, leaf, lambda);
      for (let index = 0; index <= taken; index++)
        best.leftBins[order[step > 0 ? index : used - 1 - index] as number] = 1;
    }
  }
}

/** Puts the bins that hold at least catSmooth rows into `order`, by mean gradient; returns how many. */
function sortBins(
  histogram: Float64Array,
  start: number,
  values: number,
  perHessian: number,
  catSmooth: number,
): number {
  let used = 0;
  for (let bin = 0; bin < values; bin++) {
    const hessian = histogram[2 * (start + bin) + 1] as number;
    if (hessian <= 0 || Math.round(hessian * perHessian) < catSmooth) continue;
    order[used] = bin;
    used += 1;
  }
  const mean = (bin: number): number =>
    (histogram[2 * (start + bin)] as number) / ((histogram[2 * (start + bin) + 1] as number) + catSmooth);
  order.subarray(0, used).sort((a, b) => mean(a) - mean(b) || a - b);
  return used;
}

function gainOf(
  gradient: number,
  hessian: number,
  leaf: LeafSums,
  rules: SplitRules,
  lambda: number,
): number {
  return (
    score(gradient, hessian, lambda) +
    score(leaf.gradient - gradient, leaf.hessian - hessian, lambda) -
    score(leaf.gradient, leaf.hessian, rules.lambdaL2)
  );
}
