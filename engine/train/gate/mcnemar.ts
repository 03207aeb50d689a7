/**
 * Two models' hits on the same rows: McNemar's test of no difference, and the interval of the difference of their shares of hits.
 *
 * Only rows count on which one is right and the other wrong. With fewer than EXACT_BELOW of them the binomial test is exact; from
 * there on it is chi-square without continuity correction, which keeps its level (Fagerland, Lydersen and Laake 2013) where the
 * corrected one is no better than the exact.
 */
import { twoSidedP, zOfConfidence } from "../../core/normal-law.ts";
import type { Interval } from "../../monitor/performance/metric-value.ts";

const EXACT_BELOW = 25;
const BISECTIONS = 100;

export interface McnemarTest {
  readonly mode: "mcnemar_exact" | "mcnemar_chi_square";
  /** Two-sided. */
  readonly p: number;
}

/**
 * @param wins rows on which the challenger alone is right.
 * @param losses rows on which the champion alone is right.
 */
export function mcnemarTest(wins: number, losses: number): McnemarTest {
  const discordant = wins + losses;
  if (discordant < EXACT_BELOW)
    return { mode: "mcnemar_exact", p: exactP(Math.min(wins, losses), discordant) };
  return { mode: "mcnemar_chi_square", p: twoSidedP((wins - losses) / Math.sqrt(discordant)) };
}

/** 2 P(X <= fewer), X binomial with chance 1/2; at most 1. */
function exactP(fewer: number, trials: number): number {
  let ways = 1;
  let sum = 1;
  for (let hits = 1; hits <= fewer; hits += 1) {
    ways *= (trials - hits + 1) / hits;
    sum += ways;
  }
  return Math.min(1, (2 * sum) / 2 ** trials);
}

/**
 * Tango's score interval (1998) of (wins - losses) / rows: the differences that the score test, which at 0 is McNemar's, would not
 * reject. It keeps its level with few discordant rows, too, and is within -1 and 1.
 * @param rows at least 1, and at least wins + losses.
 */
export function tangoInterval(wins: number, losses: number, rows: number, confidence: number): Interval {
  const z = zOfConfidence(confidence);
  return { low: -highestKept(losses, wins, rows, z), high: highestKept(wins, losses, rows, z) };
}

/** The highest difference that the test does not reject; the score falls as the difference rises. */
function highestKept(wins: number, losses: number, rows: number, z: number): number {
  let [low, high] = [(wins - losses) / rows, 1];
  for (let step = 0; step < BISECTIONS; step += 1) {
    const middle = (low + high) / 2;
    if (scoreOf(wins, losses, rows, middle) > -z) low = middle;
    else high = middle;
  }
  return high;
}

/** Distance from the difference `at` in standard errors under it, the share of losses estimated under it (its likelihood's root). */
function scoreOf(wins: number, losses: number, rows: number, at: number): number {
  const b = (2 * rows - wins + losses) * at - wins - losses;
  const c = -losses * at * (1 - at);
  const share = (Math.sqrt(Math.max(0, b * b - 8 * rows * c)) - b) / (4 * rows);
  const variance = rows * (2 * share + at * (1 - at));
  const distance = wins - losses - rows * at;
  return distance === 0 ? 0 : distance / Math.sqrt(Math.max(0, variance));
}
