/**
 * Confidence intervals in closed form. Nothing is drawn at random: for each metric there is a formula that costs one
 * pass at most and gives the same bits each time (which one: metric-table).
 */

import { zOfConfidence } from "../../core/normal-law.ts";
import type { Interval } from "./metric-value.ts";

/** Wilson's score interval of a share; `successes` of `trials`, trials > 0. Both may be fractions of rows. */
export function wilsonInterval(successes: number, trials: number, confidence: number): Interval {
  const z = zOfConfidence(confidence);
  const share = successes / trials;
  const shrink = 1 + (z * z) / trials;
  const centre = (share + (z * z) / (2 * trials)) / shrink;
  const half = (z / shrink) * Math.sqrt((share * (1 - share)) / trials + (z * z) / (4 * trials * trials));
  // at the ends the formula gives exactly 0 and 1, but for rounding
  return {
    low: successes <= 0 ? 0 : Math.max(0, centre - half),
    high: successes >= trials ? 1 : Math.min(1, centre + half),
  };
}

/** value ± z · standard error, kept within what the metric can be. */
export function normalInterval(
  value: number,
  standardError: number,
  confidence: number,
  range: { readonly low: number | null; readonly high: number | null },
): Interval {
  const half = zOfConfidence(confidence) * standardError;
  return {
    low: Math.max(range.low ?? Number.NEGATIVE_INFINITY, value - half),
    high: Math.min(range.high ?? Number.POSITIVE_INFINITY, value + half),
  };
}

/** A value with an interval around it. */
export interface Estimate {
  readonly value: number;
  readonly interval: Interval;
}

/**
 * a - b for two independent values, with the interval that follows from theirs: each side adds up the squares of the
 * distances that move the difference that way (Newcombe's square-and-add; MOVER). For two shares with Wilson's
 * intervals this is Newcombe's interval, for normal ones the usual one.
 */
export function differenceOf(a: Estimate, b: Estimate): Estimate {
  const value = a.value - b.value;
  const down = Math.hypot(a.value - a.interval.low, b.interval.high - b.value);
  const up = Math.hypot(a.interval.high - a.value, b.value - b.interval.low);
  return { value, interval: { low: value - down, high: value + up } };
}
