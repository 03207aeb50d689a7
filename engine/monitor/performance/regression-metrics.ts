/**
 * Errors of predicted values, by scikit-learn's definitions. Sums run in the order of the rows: rows read in a fixed
 * order give the same bits each time.
 */
import { normalInterval } from "./intervals.ts";
import type { RegressionRows } from "./labelled-rows.ts";
import { MeanOfLosses } from "./mean-of-losses.ts";
import { METRICS } from "./metric-table.ts";
import { known, type MetricSet, type MetricValue, unknownFor } from "./metric-value.ts";
import { checkFinite, checkLength } from "./row-checks.ts";

/** What a label of 0 counts as in MAPE's denominator (scikit-learn's). */
const LABEL_MIN = Number.EPSILON;

/** @throws EngineError INVALID_REQUEST for columns of two lengths, or values that are not finite. */
export function regressionMetrics(rows: RegressionRows, confidence: number): MetricSet {
  const { predicted, labels } = rows;
  checkLength("predicted", predicted.length, labels.length);
  checkFinite("labels", labels);
  checkFinite("predicted", predicted);
  const absolute = new MeanOfLosses();
  const squared = new MeanOfLosses();
  const relative = new MeanOfLosses();
  for (let row = 0; row < labels.length; row += 1) {
    const label = labels[row] as number;
    const error = Math.abs(label - (predicted[row] as number));
    absolute.add(error);
    squared.add(error * error);
    relative.add(error / Math.max(LABEL_MIN, Math.abs(label)));
  }
  const mse = squared.toMetric(METRICS.mse, confidence);
  return {
    mae: absolute.toMetric(METRICS.mae, confidence),
    mse,
    rmse: rootOf(mse),
    r2: r2Metric(rows, confidence),
    mape: relative.toMetric(METRICS.mape, confidence),
  };
}

function rootOf(mse: MetricValue): MetricValue {
  if (mse.value === null) return mse;
  const { value, interval } = mse;
  return known(
    Math.sqrt(value),
    interval && { low: Math.sqrt(interval.low), high: Math.sqrt(interval.high) },
  );
}

/**
 * 1 - SSE / SST. Its interval is that of a ratio of two means: to first order, each row moves R2 by
 * (squared error - SSE/SST · squared distance from the mean) / SST.
 */
function r2Metric({ predicted, labels }: RegressionRows, confidence: number): MetricValue {
  if (labels.length < 2) return unknownFor("R2 needs two rows");
  const mean = meanOf(labels);
  let errors = 0;
  let distances = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const label = labels[row] as number;
    errors += (label - (predicted[row] as number)) ** 2;
    distances += (label - mean) ** 2;
  }
  if (isConstant(labels)) return unknownFor("all labels are the same");
  const ratio = errors / distances;
  let squares = 0;
  for (let row = 0; row < labels.length; row += 1) {
    const label = labels[row] as number;
    squares += ((label - (predicted[row] as number)) ** 2 - ratio * (label - mean) ** 2) ** 2;
  }
  const error = Math.sqrt(squares) / distances;
  return known(1 - ratio, normalInterval(1 - ratio, error, confidence, METRICS.r2));
}

function meanOf(values: Float64Array | Float32Array): number {
  const losses = new MeanOfLosses();
  for (const value of values) losses.add(value);
  return losses.mean;
}

function isConstant(values: Float64Array | Float32Array): boolean {
  return values.every((value: number) => value === values[0]);
}
