/**
 * The sampling error of ROC AUC, and the comparison of two models on the same rows (DeLong et al. 1988), in
 * O(n log n) by ranks (Sun and Xu 2014).
 *
 * A positive row's placement is the share of negatives below it, a negative row's that of positives above it; ties count
 * half. AUC is the mean of either; its variance is that of both means.
 */
import { EngineError } from "../../core/errors.ts";
import { twoSidedP } from "../../core/normal-law.ts";
import { argsort } from "./argsort.ts";
import { normalInterval, wilsonInterval } from "./intervals.ts";
import { METRICS } from "./metric-table.ts";
import type { Interval } from "./metric-value.ts";
import { checkClasses, checkFinite, checkLength, type Numbers } from "./row-checks.ts";
import type { ScoreGroups } from "./sorted-scores.ts";

/** Variance of the AUC of these scores; needs two rows of each class. */
export function aucVariance(groups: ScoreGroups, auc: number): number {
  const { positiveCount, negativeCount } = groups;
  let positivesBelow = 0;
  let negativesBelow = 0;
  let ofPositives = 0;
  let ofNegatives = 0;
  for (let group = 0; group < groups.scores.length; group += 1) {
    const positives = groups.positives[group] as number;
    const negatives = groups.negatives[group] as number;
    const placement = (negativesBelow + negatives / 2) / negativeCount;
    const other = 1 - (positivesBelow + positives / 2) / positiveCount;
    ofPositives += positives * (placement - auc) ** 2;
    ofNegatives += negatives * (other - auc) ** 2;
    positivesBelow += positives;
    negativesBelow += negatives;
  }
  return (
    ofPositives / (positiveCount - 1) / positiveCount + ofNegatives / (negativeCount - 1) / negativeCount
  );
}

/**
 * DeLong's interval (as in R's pROC), cut at 0 and 1. Where it is none, with one row of a class or with all pairs
 * ordered alike, Wilson's for as many trials as the rarer class has rows.
 */
export function aucInterval(groups: ScoreGroups, auc: number, confidence: number): Interval {
  const fewest = Math.min(groups.positiveCount, groups.negativeCount);
  const variance = fewest < 2 ? 0 : aucVariance(groups, auc);
  return variance > 0
    ? normalInterval(auc, Math.sqrt(variance), confidence, METRICS.roc_auc)
    : wilsonInterval(auc * fewest, fewest, confidence);
}

/** Per row its placement under these scores, and the AUC; labels 1 and 0, rows of both. */
export function placementsOf(
  scores: Numbers,
  labels: Uint8Array,
): { readonly auc: number; readonly placements: Float64Array } {
  const order = argsort(scores);
  const positiveCount = labels.reduce((sum, label) => sum + label, 0);
  const negativeCount = labels.length - positiveCount;
  const placements = new Float64Array(labels.length);
  let below = { positives: 0, negatives: 0 };
  let pairs = 0;
  for (let start = 0; start < order.length; ) {
    const score = scores[order[start] as number];
    let end = start;
    let positives = 0;
    for (; end < order.length && scores[order[end] as number] === score; end += 1)
      positives += labels[order[end] as number] as number;
    const negatives = end - start - positives;
    const placement = (below.negatives + negatives / 2) / negativeCount;
    const other = 1 - (below.positives + positives / 2) / positiveCount;
    for (let at = start; at < end; at += 1) {
      const row = order[at] as number;
      placements[row] = labels[row] === 1 ? placement : other;
    }
    pairs += positives * (2 * below.negatives + negatives);
    below = { positives: below.positives + positives, negatives: below.negatives + negatives };
    start = end;
  }
  return { auc: pairs / 2 / (positiveCount * negativeCount), placements };
}

export interface AucComparison {
  readonly auc: number;
  readonly otherAuc: number;
  /** auc - otherAuc */
  readonly difference: number;
  readonly variance: number;
  readonly interval: Interval;
  /** Two-sided, of no difference; 1 where the two models order all pairs alike. */
  readonly p: number;
}

/**
 * Two models' AUC on the same labelled rows, the correlation of their scores taken into account.
 * @param scores of one model (the challenger), `otherScores` of the other (the champion); only their order counts.
 * @param labels 1 for the positive class, else 0; at least two rows of each.
 * @throws EngineError INVALID_REQUEST for columns of two lengths, a wrong row, or too few of a class.
 */
export function compareAucs(
  scores: Numbers,
  otherScores: Numbers,
  labels: Uint8Array,
  confidence = 0.95,
): AucComparison {
  checkLength("scores", scores.length, labels.length);
  checkLength("otherScores", otherScores.length, labels.length);
  checkFinite("scores", scores);
  checkFinite("otherScores", otherScores);
  checkClasses("labels", labels, 2);
  const positives = labels.reduce((sum, label) => sum + label, 0);
  if (Math.min(positives, labels.length - positives) < 2)
    throw new EngineError("INVALID_REQUEST", "labels: comparing AUCs needs two rows of each class");
  const one = placementsOf(scores, labels);
  const other = placementsOf(otherScores, labels);
  const difference = one.auc - other.auc;
  const squares = [0, 0];
  for (let row = 0; row < labels.length; row += 1) {
    const distance = (one.placements[row] as number) - (other.placements[row] as number) - difference;
    const label = labels[row] as 0 | 1;
    squares[label] = (squares[label] as number) + distance * distance;
  }
  const variance =
    spread(squares[1] as number, positives) + spread(squares[0] as number, labels.length - positives);
  const error = Math.sqrt(variance);
  const p = variance > 0 ? twoSidedP(difference / error) : difference === 0 ? 1 : 0;
  const interval = normalInterval(difference, error, confidence, { low: -1, high: 1 });
  return { auc: one.auc, otherAuc: other.auc, difference, variance, interval, p };
}

/** Variance of a mean. */
function spread(squares: number, count: number): number {
  return squares / (count - 1) / count;
}
