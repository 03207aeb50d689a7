/**
 * Realised performance: all metrics of labelled predictions with their intervals, as it goes into JSON.
 *
 * Bound: one sort of the rows for two classes, one per class for more (up to 100), none for a regression.
 */
import { averagedMetrics } from "./averaged-metrics.ts";
import {
  accuracyMetric,
  binaryConfusion,
  binaryRates,
  confusionOf,
  toNestedCounts,
} from "./confusion-matrix.ts";
import type { BinaryRows, LabelledRows, MulticlassRows } from "./labelled-rows.ts";
import { MeanOfLosses } from "./mean-of-losses.ts";
import { METRICS, type ModelKind } from "./metric-table.ts";
import { type MetricSet, type MetricValue, unknownFor } from "./metric-value.ts";
import { aucAgainstRest } from "./multiclass-auc.ts";
import { brierMetric, calibrationErrorMetric, logLossMetric, logLossOf } from "./probability-metrics.ts";
import { regressionMetrics } from "./regression-metrics.ts";
import { giniMetric, ksMetric, rocAucMetric } from "./roc-auc.ts";
import { checkLength, checkProbabilities } from "./row-checks.ts";
import { groupScores } from "./sorted-scores.ts";

/** A larger matrix would make a report of megabytes. */
const CONFUSION_CLASSES_MAX = 50;

export interface RealisedPerformance {
  readonly kind: ModelKind;
  readonly rows: number;
  readonly metrics: MetricSet;
  /** Counts by label, then by predicted class; up to 50 classes. */
  readonly confusion_matrix?: readonly (readonly number[])[];
}

/**
 * @param confidence of the intervals, between 0 and 1.
 * @throws EngineError INVALID_REQUEST naming the column and the first wrong row.
 */
export function measurePerformance(rows: LabelledRows, confidence = 0.95): RealisedPerformance {
  switch (rows.kind) {
    case "binary":
      return binaryPerformance(rows, confidence);
    case "multiclass":
      return multiclassPerformance(rows, confidence);
    case "regression":
      return { kind: rows.kind, rows: rows.labels.length, metrics: regressionMetrics(rows, confidence) };
  }
}

function binaryPerformance(
  { kind, scores, predicted, labels }: BinaryRows,
  confidence: number,
): RealisedPerformance {
  const groups = groupScores(scores, labels);
  const matrix = confusionOf(labels, predicted, 2);
  const auc = rocAucMetric(groups, confidence);
  const metrics = {
    roc_auc: auc,
    gini: giniMetric(auc),
    ks: ksMetric(groups, confidence),
    accuracy: accuracyMetric(matrix, confidence),
    ...binaryRates(binaryConfusion(matrix), confidence),
    log_loss: logLossMetric(groups, confidence),
    brier_score: brierMetric(groups, confidence),
    expected_calibration_error: calibrationErrorMetric(groups, confidence),
  };
  return { kind, rows: labels.length, metrics, confusion_matrix: toNestedCounts(matrix) };
}

function multiclassPerformance(rows: MulticlassRows, confidence: number): RealisedPerformance {
  const { kind, classes, predicted, labels } = rows;
  const matrix = confusionOf(labels, predicted, classes);
  const metrics = {
    accuracy: accuracyMetric(matrix, confidence),
    ...averagedMetrics(matrix, confidence),
    ...probabilityMetrics(rows, confidence),
  };
  const performance = { kind, rows: labels.length, metrics };
  return classes > CONFUSION_CLASSES_MAX
    ? performance
    : { ...performance, confusion_matrix: toNestedCounts(matrix) };
}

function probabilityMetrics({ classes, probabilities, labels }: MulticlassRows, confidence: number) {
  if (probabilities === undefined) {
    const missing: MetricValue = unknownFor("there are no probabilities");
    return { roc_auc_ovr_macro: missing, log_loss: missing };
  }
  checkLength("probabilities", probabilities.length, labels.length * classes);
  checkProbabilities("probabilities", probabilities, classes);
  const losses = new MeanOfLosses();
  for (let row = 0; row < labels.length; row += 1)
    losses.add(logLossOf(probabilities[row * classes + (labels[row] as number)] as number));
  return {
    roc_auc_ovr_macro: aucAgainstRest(probabilities, labels, classes, confidence),
    log_loss: losses.toMetric(METRICS.log_loss, confidence),
  };
}
