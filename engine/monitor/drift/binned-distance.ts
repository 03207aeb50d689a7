/**
 * Distances between distribution functions from counts in right-closed bins (frozen-edges): what is certain about the
 * Kolmogorov-Smirnov statistic and the Wasserstein distance, though the values within a bin are not known.
 *
 * At the edges both distribution functions are known exactly; let Δ be current less reference there. Inside a bin with
 * masses p (reference) and q (current), Δ rises from Δ_before by at most q and falls by at most p, and must arrive at
 * Δ_after: there max(Δ_before - p, Δ_after - q) <= Δ <= min(Δ_before + q, Δ_after + p). A bin of one value has no inside.
 *
 * Infinite values count as any others beyond the reference's range; null is left out. Both samples have a value.
 */
import { totalOf } from "./divergence.ts";
import { previousFloat32 } from "./float32-order.ts";
import { kolmogorovTail } from "./kolmogorov-law.ts";

type Counts = ArrayLike<number>;

export interface KsBracket {
  /** D is at least this: the largest distance at an edge. */
  readonly low: number;
  /** D is at most this. high - low is at most the largest mass of the reference in a bin that is not of one value. */
  readonly high: number;
  /** By the asymptotic law (see exact-ks) of `low`: conservative, since D is not less. */
  readonly pValue: number;
}

/** In the unit of the column, of values clipped to the first and the last edge: how far beyond values are, counts do not tell. */
export interface BinnedWasserstein {
  readonly low: number;
  /** With the values of a bin spread evenly. */
  readonly estimate: number;
  readonly high: number;
}

/** Counts per bin without null. */
export function ksBracket(edges: Counts, reference: Counts, current: Counts): KsBracket {
  let low = 0;
  let high = 0;
  walkBins(edges, reference, current, ({ after, least, most, isOneValue }) => {
    low = Math.max(low, Math.abs(after));
    if (!isOneValue) high = Math.max(high, most, -least);
  });
  return {
    low,
    high: Math.max(low, high),
    pValue: asymptoticKsTail(totalOf(reference), totalOf(current), low),
  };
}

/** P(D >= d) of samples of n and m values as in SciPy's `asymp`: the one-sample law of nm / (n + m) values. */
export function asymptoticKsTail(n: number, m: number, d: number): number {
  return kolmogorovTail(roundHalfEven((n * m) / (n + m)), d);
}

/** Python's round(). At least 1: the law is that of a sample. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const isUp = value - floor > 0.5 || (value - floor === 0.5 && floor % 2 === 1);
  return Math.max(1, isUp ? floor + 1 : floor);
}

/** Counts per bin without null. */
export function binnedWasserstein(edges: Counts, reference: Counts, current: Counts): BinnedWasserstein {
  let low = 0;
  let estimate = 0;
  let high = 0;
  walkBins(edges, reference, current, ({ before, after, least, most, width, isOneValue }) => {
    if (isOneValue) {
      // up to the value itself nothing has changed
      low += width * Math.abs(before);
      estimate += width * Math.abs(before);
      high += width * Math.abs(before);
      return;
    }
    low += width * Math.max(0, least, -most);
    estimate += width * meanOfLine(before, after);
    high += width * Math.max(most, -least);
  });
  return { low, estimate, high };
}

/** Mean of |x| while x goes from a to b evenly. */
function meanOfLine(a: number, b: number): number {
  if (a * b >= 0) return Math.abs(a + b) / 2;
  return (a * a + b * b) / (2 * Math.abs(b - a));
}

interface BinOfBoth {
  /** Δ at the bin's lower and upper edge. */
  readonly before: number;
  readonly after: number;
  /** Bounds of Δ inside. */
  readonly least: number;
  readonly most: number;
  /** 0 of the first and the last bin, to whose inner edge what is beyond is clipped. */
  readonly width: number;
  readonly isOneValue: boolean;
}

function walkBins(edges: Counts, reference: Counts, current: Counts, visit: (bin: BinOfBoth) => void): void {
  const n = totalOf(reference);
  const m = totalOf(current);
  let rowsBelow = 0;
  let currentBelow = 0;
  let before = 0;
  for (let bin = 0; bin < reference.length; bin++) {
    const r = reference[bin] as number;
    const c = current[bin] as number;
    rowsBelow += r;
    currentBelow += c;
    const after = currentBelow / m - rowsBelow / n;
    const least = Math.max(before - r / n, after - c / m);
    const most = Math.min(before + c / m, after + r / n);
    const isGuard = bin === 0 || bin === edges.length;
    const lower = isGuard ? 0 : (edges[bin - 1] as number);
    const upper = isGuard ? 0 : (edges[bin] as number);
    const isOneValue = !isGuard && previousFloat32(upper) === lower;
    visit({ before, after, least, most, width: upper - lower, isOneValue });
    before = after;
  }
}
