/**
 * Counts of rows by label and predicted class, and the metrics of two classes that follow from them.
 */
import { wilsonInterval } from "./intervals.ts";
import { known, type MetricValue, unknownFor } from "./metric-value.ts";
import { type Classes, checkClasses, checkLength } from "./row-checks.ts";

/** classes × classes, label by label: the count of rows with label i and prediction j is at i · classes + j. */
export interface ConfusionMatrix {
  readonly classes: number;
  readonly rows: number;
  readonly counts: Float64Array;
}

/** @throws EngineError INVALID_REQUEST for a class that does not exist, or columns of two lengths. */
export function confusionOf(labels: Classes, predicted: Classes, classes: number): ConfusionMatrix {
  checkLength("predicted", predicted.length, labels.length);
  checkClasses("labels", labels, classes);
  checkClasses("predicted", predicted, classes);
  const counts = new Float64Array(classes * classes);
  for (let row = 0; row < labels.length; row += 1) {
    const at = (labels[row] as number) * classes + (predicted[row] as number);
    counts[at] = (counts[at] as number) + 1;
  }
  return { classes, rows: labels.length, counts };
}

/** As nested arrays for JSON: a list per label, with the counts of the predicted classes. */
export function toNestedCounts({ classes, counts }: ConfusionMatrix): number[][] {
  return Array.from({ length: classes }, (_, label) =>
    Array.from(counts.subarray(label * classes, (label + 1) * classes)),
  );
}

/** Share of rows whose class was predicted, for any number of classes. */
export function accuracyMetric({ classes, rows, counts }: ConfusionMatrix, confidence: number): MetricValue {
  let correct = 0;
  for (let label = 0; label < classes; label += 1) correct += counts[label * (classes + 1)] as number;
  return shareMetric(correct, rows, "there are no rows", confidence);
}

/** Of two classes; counts may be estimated ones, and then are no whole numbers. */
export interface BinaryConfusion {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly trueNegatives: number;
}

export function binaryConfusion({ counts }: ConfusionMatrix): BinaryConfusion {
  const [trueNegatives = 0, falsePositives = 0, falseNegatives = 0, truePositives = 0] = counts;
  return { truePositives, falsePositives, falseNegatives, trueNegatives };
}

export const NONE_PREDICTED = "no row was predicted positive";
export const NONE_POSITIVE = "no row is of the positive class";

/** Precision, recall and F1 of the positive class. */
export function binaryRates(confusion: BinaryConfusion, confidence: number) {
  const { truePositives, falsePositives, falseNegatives } = confusion;
  const predicted = truePositives + falsePositives;
  const positive = truePositives + falseNegatives;
  const involved = predicted + falseNegatives;
  return {
    precision: shareMetric(truePositives, predicted, NONE_PREDICTED, confidence),
    recall: shareMetric(truePositives, positive, NONE_POSITIVE, confidence),
    f1: f1FromOverlap(
      shareMetric(truePositives, involved, `${NONE_POSITIVE}, and ${NONE_PREDICTED}`, confidence),
    ),
  };
}

function shareMetric(count: number, total: number, reason: string, confidence: number): MetricValue {
  return total === 0 ? unknownFor(reason) : known(count / total, wilsonInterval(count, total, confidence));
}

/** F1 = 2 J / (1 + J), where J = TP / (TP + FP + FN) is a share of rows, so that Wilson's interval goes along. */
function f1FromOverlap(overlap: MetricValue): MetricValue {
  if (overlap.value === null) return overlap;
  const f1 = (share: number) => (2 * share) / (1 + share);
  const { value, interval } = overlap;
  return known(f1(value), interval && { low: f1(interval.low), high: f1(interval.high) });
}
