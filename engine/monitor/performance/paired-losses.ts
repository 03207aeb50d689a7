/**
 * Two models' mean losses on the same rows: what both find hard cancels in the rows' differences, so the interval of the mean
 * difference is narrower than that of two independent means. The normal one, as for a mean of losses.
 */
import { MeanOfLosses } from "./mean-of-losses.ts";
import type { MetricName } from "./metric-table.ts";
import type { Interval } from "./metric-value.ts";
import { logLossOf } from "./probability-metrics.ts";
import { checkFinite, checkLength, checkProbabilities, type Numbers } from "./row-checks.ts";

/** What two models predicted of the same rows. */
export interface PredictionPairs {
  readonly kind: "binary" | "regression";
  /** Probability of the positive class, or the value; of one model (the challenger) and of the other (the champion). */
  readonly predicted: Numbers;
  readonly otherPredicted: Numbers;
  /** 1 for the positive class, else 0; or the value. */
  readonly labels: Numbers;
}

export interface PairedLoss {
  readonly metric: MetricName;
  readonly value: number;
  readonly otherValue: number;
  /** Of value - otherValue; undefined below two rows. */
  readonly interval: Interval | undefined;
}

type Loss = (predicted: number, label: number) => number;

const LOSSES: Readonly<Record<PredictionPairs["kind"], Readonly<Partial<Record<MetricName, Loss>>>>> = {
  binary: {
    log_loss: (score, label) => logLossOf(label === 1 ? score : 1 - score),
    brier_score: (score, label) => (label - score) ** 2,
  },
  regression: {
    mae: (value, label) => Math.abs(label - value),
    mse: (value, label) => (label - value) ** 2,
  },
};
const NO_BOUND = { low: null, high: null } as const;

/**
 * Every metric of the kind that is a mean of losses; none without rows.
 * @throws EngineError INVALID_REQUEST for columns of two lengths, values that are not finite, or scores that are no probabilities.
 */
export function comparePairedLosses(pairs: PredictionPairs, confidence = 0.95): PairedLoss[] {
  const { kind, predicted, otherPredicted, labels } = pairs;
  const check = kind === "binary" ? checkProbabilities : checkFinite;
  checkFinite("labels", labels);
  for (const [field, values] of Object.entries({ predicted, otherPredicted })) {
    checkLength(field, values.length, labels.length);
    check(field, values);
  }
  if (labels.length === 0) return [];
  return Object.entries(LOSSES[kind]).map(([metric, lossOf]) => {
    const [own, other, difference] = [new MeanOfLosses(), new MeanOfLosses(), new MeanOfLosses()];
    for (let row = 0; row < labels.length; row += 1) {
      const label = labels[row] as number;
      const loss = lossOf(predicted[row] as number, label);
      const otherLoss = lossOf(otherPredicted[row] as number, label);
      own.add(loss);
      other.add(otherLoss);
      difference.add(loss - otherLoss);
    }
    const { interval } = difference.toMetric(NO_BOUND, confidence);
    return { metric: metric as MetricName, value: own.mean, otherValue: other.mean, interval };
  });
}
