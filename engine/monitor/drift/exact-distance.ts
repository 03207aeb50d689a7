// hot path
/**
 * Two-sample distances from the values themselves: Kolmogorov-Smirnov's D and Wasserstein-1.
 *
 * Shares are compared as whole numbers, i m against j n, so that D does not depend on rounding. Merging two random samples
 * value by value costs a mispredicted branch each; both functions get by with few of them.
 */
import { finiteOf, firstAbove } from "./sorted-counts.ts";

/** Values of the left sample in a block; smaller ones are skipped more often and cost more searches. */
const BLOCK = 256;

/**
 * sup |F - G|, infinite values included: scipy.stats.ks_2samp(...).statistic. Both ascending, without NaN, not empty.
 *
 * At the ends of blocks F - G is found by search; a block is walked only if what may be inside exceeds what was found.
 */
export function ksStatistic(left: Float32Array, right: Float32Array): number {
  const n = left.length;
  const m = right.length;
  const ends: [number, number][] = [];
  let most = 0;
  for (let i = 0, j = 0; i < n; ) {
    const last = left[Math.min(i + BLOCK, n) - 1] as number;
    i = firstAbove(left, last, i);
    j = firstAbove(right, last, j);
    most = Math.max(most, Math.abs(i * m - j * n));
    ends.push([i, j]);
  }
  ends.push([n, m]);
  let i = 0;
  let j = 0;
  for (const [endI, endJ] of ends) {
    const bound = Math.max(endI * m - j * n, endJ * n - i * m);
    if (bound > most) most = Math.max(most, walkBlock(left, right, i, j, endI, endJ));
    i = endI;
    j = endJ;
  }
  return most / (n * m);
}

function walkBlock(
  left: Float32Array,
  right: Float32Array,
  startI: number,
  startJ: number,
  endI: number,
  endJ: number,
): number {
  const n = left.length;
  const m = right.length;
  let most = 0;
  let i = startI;
  let j = startJ;
  while (i < endI && j < endJ) {
    const value = Math.min(left[i] as number, right[j] as number);
    while (i < endI && left[i] === value) i++;
    while (j < endJ && right[j] === value) j++;
    most = Math.max(most, Math.abs(i * m - j * n));
  }
  return most;
}

/**
 * ∫ |F - G|, which is the mean distance of equal quantiles: scipy.stats.wasserstein_distance, in the unit of the column.
 * Of finite values; both ascending, with at least one.
 */
export function wasserstein(left: Float32Array, right: Float32Array): number {
  const a = finiteOf(left);
  const b = finiteOf(right);
  const n = a.length;
  const m = b.length;
  let sum = 0;
  let at = 0;
  for (let i = 0, j = 0; i < n && j < m; ) {
    const endI = (i + 1) * m;
    const endJ = (j + 1) * n;
    const end = Math.min(endI, endJ);
    sum += (end - at) * Math.abs((a[i] as number) - (b[j] as number));
    at = end;
    if (endI === end) i++;
    if (endJ === end) j++;
  }
  return sum / (n * m);
}
