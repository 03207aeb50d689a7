// hot path
/**
 * Two-sample distances from the values themselves: Kolmogorov-Smirnov's D and Wasserstein-1, in one walk over both
 * samples, each sorted.
 */
import { finiteOf } from "./sorted-counts.ts";

export interface ExactDistance {
  /** sup |F - G| over all values, infinite ones included: scipy.stats.ks_2samp(...).statistic. */
  readonly d: number;
  /** ∫ |F - G| over the finite values: scipy.stats.wasserstein_distance of them. In the unit of the column. */
  readonly wasserstein: number;
}

/** Both ascending, without NaN, each with a finite value. */
export function exactDistance(left: Float32Array, right: Float32Array): ExactDistance {
  const all = walk(left, right);
  const finiteLeft = finiteOf(left);
  const finiteRight = finiteOf(right);
  if (finiteLeft.length === left.length && finiteRight.length === right.length) return all;
  return { d: all.d, wasserstein: walk(finiteLeft, finiteRight).wasserstein };
}

/** F - G is (i m - j n) / (n m) between two values: whole numbers, so that D does not depend on rounding. */
function walk(left: Float32Array, right: Float32Array): ExactDistance {
  const n = left.length;
  const m = right.length;
  let gap = 0;
  let most = 0;
  let area = 0;
  let i = 0;
  let j = 0;
  let before = Math.min(left[0] as number, right[0] as number);
  while (i < n && j < m) {
    const a = left[i] as number;
    const b = right[j] as number;
    const value = a < b ? a : b;
    area += gap * (value - before);
    before = value;
    while (i < n && left[i] === value) i++;
    while (j < m && right[j] === value) j++;
    gap = Math.abs(i * m - j * n);
    if (gap > most) most = gap;
  }
  // One sample is at its end, so the gap only closes from here.
  for (; i < n; i++) {
    area += (n - i) * m * ((left[i] as number) - before);
    before = left[i] as number;
  }
  for (; j < m; j++) {
    area += (m - j) * n * ((right[j] as number) - before);
    before = right[j] as number;
  }
  return { d: most / (n * m), wasserstein: area / (n * m) };
}
