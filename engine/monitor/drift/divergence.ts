/**
 * How far two distributions over the same bins are apart: PSI, Kullback-Leibler and Jensen-Shannon, from counts.
 *
 * PSI and KL need masses above zero. The rule here, *shared smoothing*: half an observation of each sample, as a mass, is
 * lent to each bin of both samples alike: δ = (1/n + 1/m) / 2, p = r/n + δ, q = c/m + δ. It is symmetric; equal shares
 * give 0 whatever the sizes; bins that are empty on both sides change nothing; it is continuous, and fades as the samples
 * grow. One row in a bin the other sample lacks costs about (ln 3) / m. Fixed fills (1e-4 and less) let such a row cost
 * more the larger the other sample is; equal pseudo-counts pull the smaller sample away from the larger.
 *
 * Sums run over bins in their order, so the same counts give the same bits. Both samples have at least one row.
 */
import { chiSquareTail } from "./chi-square-law.ts";

type Counts = ArrayLike<number>;

export interface Psi {
  /** Population stability index: Σ (p - q) ln (p / q), natural logarithm. */
  readonly value: number;
  /** What it is on average without drift: (B - 1) (1/n + 1/m) for B bins of many rows each. */
  readonly bias: number;
  /** value - bias, at least 0: what to compare with 0.1 and 0.25. */
  readonly corrected: number;
  /** Of a value as large without drift. */
  readonly pValue: number;
}

/**
 * PSI, symmetric in its arguments. Without drift PSI / (1/n + 1/m) follows chi-square with B - 1 degrees of freedom, B
 * being the bins that are not empty on both sides, and so is B - 1 on average (Yurdakul, "Statistical properties of the
 * population stability index", 2018).
 *
 * That holds of bins that expect several rows. What bins that expect fewer add to the average, smoothing makes less: the
 * bias is (1/n + 1/m) Σ π (1 - π) / (π + δ), π being the pooled share. The p-value keeps B - 1 and is too large then:
 * chiSquareTest is the test that finds drift in many rare categories.
 */
export function psi(reference: Counts, current: Counts): Psi {
  const n = totalOf(reference);
  const m = totalOf(current);
  const scale = 1 / n + 1 / m;
  const lent = scale / 2;
  let value = 0;
  let bias = 0;
  let used = 0;
  for (let bin = 0; bin < reference.length; bin++) {
    const both = (reference[bin] as number) + (current[bin] as number);
    if (both === 0) continue;
    const p = (reference[bin] as number) / n + lent;
    const q = (current[bin] as number) / m + lent;
    const pooled = both / (n + m);
    value += (p - q) * Math.log(p / q);
    bias += (scale * pooled * (1 - pooled)) / (pooled + lent);
    used++;
  }
  const pValue = used > 1 ? chiSquareTail(value / scale, used - 1) : 1;
  return { value, bias, corrected: Math.max(0, value - bias), pValue };
}

/** KL(reference ‖ current) = Σ p ln (p / q), natural logarithm, as Evidently has it but for the smoothing. */
export function kullbackLeibler(reference: Counts, current: Counts): number {
  const n = totalOf(reference);
  const m = totalOf(current);
  const lent = (1 / n + 1 / m) / 2;
  let sum = 0;
  for (let bin = 0; bin < reference.length; bin++) {
    const p = (reference[bin] as number) / n + lent;
    const q = (current[bin] as number) / m + lent;
    sum += p * Math.log(p / q);
  }
  return Math.max(0, sum);
}

/**
 * Jensen-Shannon distance: the square root of the divergence, logarithm to base 2, so from 0 to 1, as in NannyML. Times
 * √ln 2 it is that of scipy.spatial.distance.jensenshannon and Evidently. No smoothing: it needs none.
 */
export function jensenShannonDistance(reference: Counts, current: Counts): number {
  const n = totalOf(reference);
  const m = totalOf(current);
  let sum = 0;
  for (let bin = 0; bin < reference.length; bin++) {
    const p = (reference[bin] as number) / n;
    const q = (current[bin] as number) / m;
    const middle = (p + q) / 2;
    if (p > 0) sum += p * Math.log2(p / middle);
    if (q > 0) sum += q * Math.log2(q / middle);
  }
  return Math.sqrt(Math.min(1, Math.max(0, sum / 2)));
}

export function totalOf(counts: Counts): number {
  let total = 0;
  for (let bin = 0; bin < counts.length; bin++) total += counts[bin] as number;
  return total;
}
