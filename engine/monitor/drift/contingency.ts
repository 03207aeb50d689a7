/**
 * Chi-square test whether two samples over the same bins come from one distribution, and the test of two proportions.
 */
import { chiSquareTail } from "./chi-square-law.ts";
import { totalOf } from "./divergence.ts";

type Counts = ArrayLike<number>;

export interface ChiSquare {
  readonly statistic: number;
  /** Bins in use less one; 0 when there is nothing to compare, and the p-value 1. */
  readonly freedom: number;
  readonly pValue: number;
}

/** Cochran's rule: below five expected rows the law of chi-square is not that of the statistic. */
const EXPECTED_MIN = 5;

/**
 * scipy.stats.chi2_contingency of the bins that are not empty on both sides: with Yates's correction when there are two.
 */
export function chiSquareContingency(reference: Counts, current: Counts): ChiSquare {
  const n = totalOf(reference);
  const m = totalOf(current);
  let used = 0;
  for (let bin = 0; bin < reference.length; bin++)
    if ((reference[bin] as number) + (current[bin] as number) > 0) used++;
  if (used < 2 || n === 0 || m === 0) return { statistic: 0, freedom: 0, pValue: 1 };
  let statistic = 0;
  for (let bin = 0; bin < reference.length; bin++) {
    const both = (reference[bin] as number) + (current[bin] as number);
    if (both === 0) continue;
    const expectedReference = (both * n) / (n + m);
    const expectedCurrent = (both * m) / (n + m);
    const distance = Math.abs((current[bin] as number) - expectedCurrent);
    const corrected = used === 2 ? distance - Math.min(0.5, distance) : distance;
    statistic += (corrected * corrected) / expectedReference + (corrected * corrected) / expectedCurrent;
  }
  return { statistic, freedom: used - 1, pValue: chiSquareTail(statistic, used - 1) };
}

/** The test above after bins that expect fewer than five rows of either sample were put together. */
export function chiSquareTest(reference: Counts, current: Counts): ChiSquare {
  const pooled = poolSparseBins(reference, current);
  return chiSquareContingency(pooled.reference, pooled.current);
}

/**
 * Bins that expect fewer than EXPECTED_MIN rows of one of the samples, as one bin, last; if that expects too few still, the
 * bin with the fewest rows joins it. A single row in a bin that a large reference lacks would otherwise be proof of drift.
 */
export function poolSparseBins(
  reference: Counts,
  current: Counts,
): { reference: number[]; current: number[] } {
  const n = totalOf(reference);
  const m = totalOf(current);
  const needed = (EXPECTED_MIN * (n + m)) / Math.min(n, m);
  const kept: (readonly [number, number])[] = [];
  let rest: readonly [number, number] = [0, 0];
  for (let bin = 0; bin < reference.length; bin++) {
    const pair = [reference[bin] as number, current[bin] as number] as const;
    if (pair[0] + pair[1] >= needed) kept.push(pair);
    else rest = [rest[0] + pair[0], rest[1] + pair[1]];
  }
  const inRest = rest[0] + rest[1];
  if (inRest > 0 && inRest < needed && kept.length > 0) {
    const sizes = kept.map(([r, c]) => r + c);
    const [smallest = [0, 0]] = kept.splice(sizes.indexOf(Math.min(...sizes)), 1);
    rest = [rest[0] + smallest[0], rest[1] + smallest[1]];
  }
  const bins = [...kept, rest];
  return { reference: bins.map(([r]) => r), current: bins.map(([, c]) => c) };
}

export interface Proportions {
  readonly reference: number;
  readonly current: number;
  /** Two-sided, of the difference: the 2 x 2 contingency with Yates's correction, close to Fisher's exact test. */
  readonly pValue: number;
}

/** Compares `hits` of `total` rows; undefined when a sample is empty. */
export function compareProportions(
  reference: { readonly hits: number; readonly total: number },
  current: { readonly hits: number; readonly total: number },
): Proportions | undefined {
  if (reference.total === 0 || current.total === 0) return undefined;
  const { pValue } = chiSquareContingency(
    [reference.hits, reference.total - reference.hits],
    [current.hits, current.total - current.hits],
  );
  return { reference: reference.hits / reference.total, current: current.hits / current.total, pValue };
}
