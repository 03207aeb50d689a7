/**
 * How good scores of two classes are as probabilities: log loss, Brier score, expected calibration error.
 */
import { normalInterval } from "./intervals.ts";
import { MeanOfLosses } from "./mean-of-losses.ts";
import { METRICS } from "./metric-table.ts";
import { known, type MetricValue, unknownFor } from "./metric-value.ts";
import type { ScoreGroups } from "./sorted-scores.ts";

const CALIBRATION_BINS = 10;
/** Probabilities are kept this far off 0 and 1 (scikit-learn's, for float64). */
const PROBABILITY_MIN = Number.EPSILON;

/** -ln of the probability that was given to what happened; at most 36.04. */
export function logLossOf(probability: number): number {
  return -Math.log(Math.min(1 - PROBABILITY_MIN, Math.max(PROBABILITY_MIN, probability)));
}

/** Defined with rows of one class too. */
export function logLossMetric(groups: ScoreGroups, confidence: number): MetricValue {
  return overGroups(groups, "log_loss", confidence, logLossOf);
}

export function brierMetric(groups: ScoreGroups, confidence: number): MetricValue {
  return overGroups(groups, "brier_score", confidence, (probability) => (1 - probability) ** 2);
}

/** Mean of `loss`, which takes the probability of what happened. */
function overGroups(
  groups: ScoreGroups,
  name: "log_loss" | "brier_score",
  confidence: number,
  loss: (probability: number) => number,
): MetricValue {
  const losses = new MeanOfLosses();
  for (let group = 0; group < groups.scores.length; group += 1) {
    const score = groups.scores[group] as number;
    losses.add(loss(score), groups.positives[group]);
    losses.add(loss(1 - score), groups.negatives[group]);
  }
  return losses.toMetric(METRICS[name], confidence);
}

interface Bin {
  readonly rows: number;
  /** Sum of score - label, and of its squares. */
  readonly gap: number;
  readonly squares: number;
  /** What the variance of the gap would be, were the scores calibrated. */
  readonly calibrated: number;
}

/**
 * Mean over the rows of |mean score - share of positives| in their bin. Ten bins of about equal counts: their edges are
 * the deciles of the scores, bins are open below and closed above (scikit-learn's calibration_curve with
 * strategy="quantile"), so equal scores stay together.
 *
 * It is never negative, so a perfectly calibrated model shows some of it by chance. The interval's low end leaves that
 * much out; without it, few rows would pass for a decline against a reference of many.
 */
export function calibrationErrorMetric(groups: ScoreGroups, confidence: number): MetricValue {
  const rows = groups.positiveCount + groups.negativeCount;
  if (rows === 0) return unknownFor("there are no rows");
  let error = 0;
  let chance = 0;
  let variance = 0;
  for (const bin of binsOf(groups)) {
    const spread = Math.max(0, bin.squares - bin.gap ** 2 / bin.rows);
    error += Math.abs(bin.gap) / rows;
    chance += Math.sqrt((2 / Math.PI) * Math.max(spread, bin.calibrated)) / rows;
    variance += spread / rows ** 2;
  }
  const { low, high } = normalInterval(error, Math.sqrt(variance), confidence, { low: null, high: 1 });
  return known(error, { low: Math.max(0, low - chance), high });
}

/** Bins of the deciles; empty ones left out. */
function binsOf(groups: ScoreGroups): Bin[] {
  const edges = decilesOf(groups);
  const bins: Bin[] = [];
  let bin = { rows: 0, gap: 0, squares: 0, calibrated: 0 };
  let edge = 0;
  for (let group = 0; group < groups.scores.length; group += 1) {
    const score = groups.scores[group] as number;
    const positives = groups.positives[group] as number;
    const negatives = groups.negatives[group] as number;
    for (; edge < edges.length && score > (edges[edge] as number); edge += 1) {
      if (bin.rows > 0) bins.push(bin);
      bin = { rows: 0, gap: 0, squares: 0, calibrated: 0 };
    }
    bin.rows += positives + negatives;
    bin.gap += negatives * score - positives * (1 - score);
    bin.squares += negatives * score ** 2 + positives * (1 - score) ** 2;
    bin.calibrated += (positives + negatives) * score * (1 - score);
  }
  bins.push(bin);
  return bins;
}

/** The nine inner deciles, interpolated as numpy.percentile does. */
function decilesOf(groups: ScoreGroups): number[] {
  const last = groups.positiveCount + groups.negativeCount - 1;
  const edges: number[] = [];
  let group = 0;
  let rowsBefore = 0;
  const rowsIn = (group: number) => (groups.positives[group] as number) + (groups.negatives[group] as number);
  const scoreAt = (row: number): number => {
    while (rowsBefore + rowsIn(group) <= row) {
      rowsBefore += rowsIn(group);
      group += 1;
    }
    while (rowsBefore > row) {
      group -= 1;
      rowsBefore -= rowsIn(group);
    }
    return groups.scores[group] as number;
  };
  for (let decile = 1; decile < CALIBRATION_BINS; decile += 1) {
    const place = decile * (1 / CALIBRATION_BINS) * last;
    const below = Math.floor(place);
    const low = scoreAt(below);
    const high = scoreAt(Math.min(below + 1, last));
    const share = place - below;
    edges.push(share < 0.5 ? low + (high - low) * share : high - (high - low) * (1 - share));
  }
  return edges;
}
