/**
 * How well scores separate two classes: ROC AUC (and Gini) and the Kolmogorov-Smirnov distance of the classes' scores.
 *
 * AUC is the Mann-Whitney statistic: ties count half, which is the area by trapezoids that scikit-learn computes.
 */
import { aucInterval } from "./delong.ts";
import { differenceOf, wilsonInterval } from "./intervals.ts";
import { known, type MetricValue, unknownFor } from "./metric-value.ts";
import type { ScoreGroups } from "./sorted-scores.ts";

/** Two classes that both have rows, or the reason why a metric that compares them has no value. */
export function problemWithClasses({ positiveCount, negativeCount }: ScoreGroups): string | undefined {
  if (positiveCount + negativeCount === 0) return "there are no rows";
  if (positiveCount === 0) return "no row is of the positive class";
  return negativeCount === 0 ? "all rows are of the positive class" : undefined;
}

/** Needs rows of both classes. */
export function rocAuc(groups: ScoreGroups): number {
  let negativesBelow = 0;
  let orderedPairs = 0; // twice: a tie is one
  for (let group = 0; group < groups.scores.length; group += 1) {
    const negatives = groups.negatives[group] as number;
    orderedPairs += (groups.positives[group] as number) * (2 * negativesBelow + negatives);
    negativesBelow += negatives;
  }
  return orderedPairs / 2 / (groups.positiveCount * groups.negativeCount);
}

export function rocAucMetric(groups: ScoreGroups, confidence: number): MetricValue {
  const problem = problemWithClasses(groups);
  if (problem !== undefined) return unknownFor(problem);
  const auc = rocAuc(groups);
  return known(auc, aucInterval(groups, auc, confidence));
}

/** 2 AUC - 1, with AUC's interval. */
export function giniMetric(auc: MetricValue): MetricValue {
  if (auc.value === null) return auc;
  const { interval } = auc;
  return known(2 * auc.value - 1, interval && { low: 2 * interval.low - 1, high: 2 * interval.high - 1 });
}

/**
 * Largest distance of the two distribution functions, whichever is above (SciPy's two-sided ks_2samp statistic).
 * The interval is that of the two shares at that score, which it depends on to first order (Raghavachari 1973).
 */
export function ksMetric(groups: ScoreGroups, confidence: number): MetricValue {
  const problem = problemWithClasses(groups);
  if (problem !== undefined) return unknownFor(problem);
  const { positiveCount, negativeCount } = groups;
  let positives = 0;
  let negatives = 0;
  let widest = { distance: 0, positives: 0, negatives: 0 };
  for (let group = 0; group < groups.scores.length; group += 1) {
    positives += groups.positives[group] as number;
    negatives += groups.negatives[group] as number;
    const distance = Math.abs(negatives / negativeCount - positives / positiveCount);
    if (distance > widest.distance) widest = { distance, positives, negatives };
  }
  const below = [
    shareOf(widest.positives, positiveCount, confidence),
    shareOf(widest.negatives, negativeCount, confidence),
  ].sort((a, b) => b.value - a.value);
  const [more, less] = below as [(typeof below)[0], (typeof below)[0]];
  const { low, high } = differenceOf(more, less).interval;
  return known(widest.distance, { low: Math.max(0, low), high: Math.min(1, high) });
}

function shareOf(count: number, total: number, confidence: number) {
  return { value: count / total, interval: wilsonInterval(count, total, confidence) };
}
