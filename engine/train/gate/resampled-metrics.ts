/**
 * Metrics of rows that count more than once or not at all, as a bootstrap's resamples have them: everything that the resamples share
 * is worked out once, and the definitions are those of performance reports.
 */
import { argsort } from "../../monitor/performance/argsort.ts";
import { averagedMetrics } from "../../monitor/performance/averaged-metrics.ts";
import {
  binaryConfusion,
  binaryRates,
  type ConfusionMatrix,
} from "../../monitor/performance/confusion-matrix.ts";
import type {
  BinaryRows,
  LabelledRows,
  MulticlassRows,
  RegressionRows,
} from "../../monitor/performance/labelled-rows.ts";
import type { MetricName } from "../../monitor/performance/metric-table.ts";
import type { MetricSet } from "../../monitor/performance/metric-value.ts";
import { calibrationErrorMetric, logLossOf } from "../../monitor/performance/probability-metrics.ts";
import { ksMetric } from "../../monitor/performance/roc-auc.ts";
import type { Classes } from "../../monitor/performance/row-checks.ts";
import type { ScoreGroups } from "../../monitor/performance/sorted-scores.ts";

/** Metrics of the rows, each taken as often as `counts` says; without their intervals. */
export type ResampledMetrics = (counts: Uint32Array) => MetricSet;

/** Metrics that are worked out together. */
interface Family<Rows> {
  readonly metrics: readonly MetricName[];
  prepare(rows: Rows): ResampledMetrics;
}

/** Intervals within are not looked at. */
const ANY_CONFIDENCE = 0.95;

const BINARY: readonly Family<BinaryRows>[] = [
  { metrics: ["log_loss", "brier_score"], prepare: binaryLosses },
  { metrics: ["precision", "recall", "f1"], prepare: binaryShares },
  { metrics: ["ks", "expected_calibration_error"], prepare: scoreDistances },
];
const MULTICLASS: readonly Family<MulticlassRows>[] = [
  { metrics: ["log_loss"], prepare: multiclassLosses },
  {
    metrics: [
      "precision_macro",
      "recall_macro",
      "f1_macro",
      "precision_weighted",
      "recall_weighted",
      "f1_weighted",
    ],
    prepare: multiclassShares,
  },
];
const REGRESSION: readonly Family<RegressionRows>[] = [
  { metrics: ["mae", "mse", "rmse", "r2", "mape"], prepare: regressionErrors },
];

/** Those of `wanted` that are resampled for such rows. */
export function resampledMetrics(rows: LabelledRows, wanted: readonly MetricName[]): ResampledMetrics {
  switch (rows.kind) {
    case "binary":
      return prepared(BINARY, rows, wanted);
    case "multiclass":
      return prepared(MULTICLASS, rows, wanted);
    case "regression":
      return prepared(REGRESSION, rows, wanted);
  }
}

function prepared<Rows>(
  families: readonly Family<Rows>[],
  rows: Rows,
  wanted: readonly MetricName[],
): ResampledMetrics {
  const needed = families
    .filter(({ metrics }) => metrics.some((metric) => wanted.includes(metric)))
    .map((family) => family.prepare(rows));
  return (counts) => Object.assign({}, ...needed.map((metricsOf) => metricsOf(counts)));
}

function binaryLosses({ scores, labels }: BinaryRows): ResampledMetrics {
  const chance = Float64Array.from(labels, (label, row) => {
    const score = scores[row] as number;
    return label === 1 ? score : 1 - score;
  });
  const logs = chance.map(logLossOf);
  const squares = chance.map((one) => (1 - one) ** 2);
  return (counts) => ({
    log_loss: { value: meanOf(logs, counts) },
    brier_score: { value: meanOf(squares, counts) },
  });
}

function multiclassLosses({ probabilities, labels, classes }: MulticlassRows): ResampledMetrics {
  if (probabilities === undefined) return () => ({});
  const logs = Float64Array.from(labels, (label, row) =>
    logLossOf(probabilities[row * classes + label] as number),
  );
  return (counts) => ({ log_loss: { value: meanOf(logs, counts) } });
}

function regressionErrors({ predicted, labels }: RegressionRows): ResampledMetrics {
  const absolute = Float64Array.from(labels, (label, row) => Math.abs(label - (predicted[row] as number)));
  const squares = absolute.map((error) => error * error);
  const relative = absolute.map(
    (error, row) => error / Math.max(Number.EPSILON, Math.abs(labels[row] as number)),
  );
  const values = Float64Array.from(labels);
  return (counts) => {
    const mse = meanOf(squares, counts);
    const centre = meanOf(values, counts);
    let distances = 0;
    for (let row = 0; row < counts.length; row += 1)
      distances += (counts[row] as number) * ((values[row] as number) - centre) ** 2;
    return {
      mae: { value: meanOf(absolute, counts) },
      mse: { value: mse },
      rmse: { value: Math.sqrt(mse) },
      r2: { value: distances > 0 ? 1 - (mse * counts.length) / distances : null },
      mape: { value: meanOf(relative, counts) },
    };
  };
}

function binaryShares({ predicted, labels }: BinaryRows): ResampledMetrics {
  const matrixOf = confusionCounter(labels, predicted, 2);
  return (counts) => binaryRates(binaryConfusion(matrixOf(counts)), ANY_CONFIDENCE);
}

function multiclassShares({ predicted, labels, classes }: MulticlassRows): ResampledMetrics {
  const matrixOf = confusionCounter(labels, predicted, classes);
  return (counts) => averagedMetrics(matrixOf(counts), ANY_CONFIDENCE);
}

/** Gives the same matrix each time, filled anew. */
function confusionCounter(
  labels: Classes,
  predicted: Classes,
  classes: number,
): (counts: Uint32Array) => ConfusionMatrix {
  const cells = Uint32Array.from(labels, (label, row) => label * classes + (predicted[row] as number));
  const matrix = { classes, rows: labels.length, counts: new Float64Array(classes * classes) };
  return (counts) => {
    matrix.counts.fill(0);
    for (let row = 0; row < counts.length; row += 1) {
      const cell = cells[row] as number;
      matrix.counts[cell] = (matrix.counts[cell] as number) + (counts[row] as number);
    }
    return matrix;
  };
}

function scoreDistances(rows: BinaryRows): ResampledMetrics {
  const groupsOf = scoreGrouper(rows);
  return (counts) => {
    const groups = groupsOf(counts);
    return {
      ks: ksMetric(groups, ANY_CONFIDENCE),
      expected_calibration_error: calibrationErrorMetric(groups, ANY_CONFIDENCE),
    };
  };
}

/** Groups of equal scores that the resample has rows of; in the same arrays each time, filled anew. */
function scoreGrouper({ scores, labels }: BinaryRows): (counts: Uint32Array) => ScoreGroups {
  const order = argsort(scores);
  const distinct = new Float64Array(order.length);
  const positives = new Uint32Array(order.length);
  const negatives = new Uint32Array(order.length);
  return (counts) => {
    let group = -1;
    let positiveCount = 0;
    for (const row of order) {
      const count = counts[row] as number;
      if (count === 0) continue;
      const score = scores[row] as number;
      if (group < 0 || score !== distinct[group]) {
        group += 1;
        distinct[group] = score;
        positives[group] = 0;
        negatives[group] = 0;
      }
      const side = labels[row] === 1 ? positives : negatives;
      side[group] = (side[group] as number) + count;
      if (labels[row] === 1) positiveCount += count;
    }
    return {
      scores: distinct.subarray(0, group + 1),
      positives: positives.subarray(0, group + 1),
      negatives: negatives.subarray(0, group + 1),
      positiveCount,
      negativeCount: order.length - positiveCount,
    };
  };
}

/** Of as many rows as there are, some more than once. */
function meanOf(values: Float64Array, counts: Uint32Array): number {
  let sum = 0;
  for (let row = 0; row < counts.length; row += 1) sum += (counts[row] as number) * (values[row] as number);
  return sum / counts.length;
}
