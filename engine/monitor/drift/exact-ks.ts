/**
 * P-values of the two-sample Kolmogorov-Smirnov statistic, in three modes that differ in the law:
 *
 * - `exact`: of the two sample sizes, without ties, as scipy.stats.ks_2samp(method="exact");
 * - `asymptotic`: the one-sample law of n m / (n + m) values, as SciPy's "asymp" (kstwo);
 * - `limit`: Kolmogorov's limit, as ClickHouse's asymptotic kolmogorovSmirnovTest.
 *
 * `auto` is SciPy's: exact if the larger sample has at most 10,000 values. Of more than 1000 x 1000 values an asymptotic
 * p-value below 1e-9 is taken all the same: the two differ by less than that, and the exact one may take a second.
 */
import { EngineError } from "../../core/errors.ts";
import { asymptoticKsTail } from "./binned-distance.ts";
import { kolmogorovLimitTail } from "./kolmogorov-limit.ts";
import { EXACT_SIZE_MAX, exactKsTail, greatestCommonDivisor } from "./ks-exact-law.ts";

const ASYMPTOTIC_BELOW = 1e-9;
/** n m from which the exact law is slow. */
const SLOW_FROM = 1e6;

export type KsMode = "auto" | "exact" | "asymptotic" | "limit";

/** The law that mode `auto` takes for this statistic. */
export function ksModeOf(n: number, m: number, d: number): "exact" | "asymptotic" {
  const isSmall = Math.max(n, m) <= EXACT_SIZE_MAX;
  const isFast = n * m <= SLOW_FROM;
  return isSmall && (isFast || asymptoticKsTail(n, m, d) >= ASYMPTOTIC_BELOW) ? "exact" : "asymptotic";
}

/**
 * P(D >= d), two-sided, of samples of n and m values from one continuous distribution.
 * @throws EngineError INVALID_REQUEST in mode exact above EXACT_SIZE_MAX values: its cost is n m.
 */
export function ksPValue(n: number, m: number, d: number, mode: KsMode = "auto"): number {
  switch (mode) {
    case "auto":
      return ksPValue(n, m, d, ksModeOf(n, m, d));
    case "exact": {
      if (Math.max(n, m) > EXACT_SIZE_MAX) {
        const message = `exact takes at most ${EXACT_SIZE_MAX} values a sample, not ${Math.max(n, m)}: use auto`;
        throw new EngineError("INVALID_REQUEST", message, { details: [{ field: "mode", message }] });
      }
      return exactKsTail(n, m, Math.round((d * n * m) / greatestCommonDivisor(n, m)));
    }
    case "asymptotic":
      return asymptoticKsTail(n, m, d);
    case "limit":
      return kolmogorovLimitTail(d * Math.sqrt((n * m) / (n + m)));
  }
}
