/**
 * Performance of two classes without labels: NannyML's confidence-based performance estimation (CBPE).
 *
 * A calibrated score is the chance that the row is positive, so the scores alone say how many hits and errors to expect.
 * That holds as long as a score means what it meant in the reference: shifts of the inputs that move the scores
 * are seen; concept drift, the same inputs with other labels, is not, nor are inputs on which the model is
 * wrong about its own confidence. Only labels show those.
 *
 * Sampling errors are those of the reference's rows; bands are three of them wide on both sides, as in NannyML.
 */
import { argsort } from "./argsort.ts";
import { type Calibrator, calibrate } from "./calibration.ts";
import { type BinaryConfusion, NONE_POSITIVE, NONE_PREDICTED } from "./confusion-matrix.ts";
import { known, type MetricValue, unknownFor } from "./metric-value.ts";
import type { PerformanceEstimator, RowVariation } from "./performance-estimator.ts";
import { checkLength, checkProbabilities, type Numbers } from "./row-checks.ts";

const BAND_ERRORS = 3;

type EstimatedName = keyof PerformanceEstimator["variation"];

export interface EstimatedPerformance {
  readonly kind: "binary";
  readonly rows: number;
  /** Intervals are ± 3 sampling errors. */
  readonly metrics: Readonly<Record<EstimatedName, MetricValue>>;
  /** Expected counts by label, then by predicted class. */
  readonly confusion_matrix: readonly (readonly number[])[];
  /** How far binning can have moved the ROC AUC, either way; only of counters. */
  readonly roc_auc_binning_error?: number;
}

/** Rows that share a score (or a bin), from the lowest score to the highest. */
interface ScorePoint {
  readonly score: number;
  readonly rows: number;
  readonly isPredicted: boolean;
}

/**
 * @param scores of the predictions, as the model gave them.
 * @param threshold from which on the positive class was predicted.
 * @throws EngineError INVALID_REQUEST naming the first score that is no probability.
 */
export function estimateFromRows(
  estimator: PerformanceEstimator,
  scores: Numbers,
  threshold: number,
): EstimatedPerformance {
  checkProbabilities("scores", scores);
  const points: ScorePoint[] = [];
  const order = argsort(scores);
  for (let start = 0; start < order.length; ) {
    const score = scores[order[start] as number] as number;
    let end = start;
    while (end < order.length && scores[order[end] as number] === score) end += 1;
    points.push({ score, rows: end - start, isPredicted: score >= threshold });
    start = end;
  }
  return estimate(estimator, points);
}

export interface ScoreCounters {
  /** Ascending. Bin i is open below and closed above: (edges[i - 1], edges[i]]; the last one has no end. */
  readonly edges: readonly number[];
  /** Rows of each bin: one more than edges. */
  readonly rows: ArrayLike<number>;
  /** Sum of their scores. */
  readonly sums: ArrayLike<number>;
}

/**
 * The same from counters. With the edges of `edgesFor` all but ROC AUC is exact; with others, a bin counts with its
 * mean score, and one around the threshold as a whole.
 * @throws EngineError INVALID_REQUEST when bins and edges do not fit.
 */
export function estimateFromCounters(
  estimator: PerformanceEstimator,
  { edges, rows, sums }: ScoreCounters,
  threshold: number,
): EstimatedPerformance {
  checkLength("rows", rows.length, edges.length + 1);
  checkLength("sums", sums.length, edges.length + 1);
  const lastNegative = nextBelow(threshold);
  const points: ScorePoint[] = [];
  for (let bin = 0; bin <= edges.length; bin += 1) {
    const count = rows[bin] as number;
    if (count === 0) continue;
    const low = edges[bin - 1] ?? 0;
    const high = edges[bin] ?? 1;
    // rounding of the sum must not move the mean out of the bin
    const score = Math.min(high, Math.max(low, (sums[bin] as number) / count));
    const isWithin = low < lastNegative && lastNegative < high;
    points.push({ score, rows: count, isPredicted: isWithin ? score >= threshold : low >= lastNegative });
  }
  const performance = estimate(estimator, points);
  return { ...performance, roc_auc_binning_error: binningError(points, estimator.calibrator) };
}

/**
 * Edges of bins from which `estimateFromCounters` is exact: the calibrator is a straight line within each, and none has
 * scores on both sides of the threshold. More edges among them make the bound of ROC AUC narrower.
 */
export function edgesFor(calibrator: Calibrator, threshold: number): number[] {
  const knots = calibrator.type === "none" ? [] : calibrator.x;
  return [...new Set([...knots, nextBelow(threshold)])].sort((a, b) => a - b);
}

function estimate(
  { calibrator, variation }: PerformanceEstimator,
  points: readonly ScorePoint[],
): EstimatedPerformance {
  const confusion = { truePositives: 0, falsePositives: 0, falseNegatives: 0, trueNegatives: 0 };
  let rows = 0;
  for (const { score, rows: count, isPredicted } of points) {
    const chance = calibrate(calibrator, score);
    const positives = count * chance;
    const negatives = count * (1 - chance);
    if (isPredicted) {
      confusion.truePositives += positives;
      confusion.falsePositives += negatives;
    } else {
      confusion.falseNegatives += positives;
      confusion.trueNegatives += negatives;
    }
    rows += count;
  }
  const values = estimatedRates(confusion, rows);
  const metric = (name: EstimatedName, value: number | string) => withBand(value, variation[name], rows);
  const { truePositives, falsePositives, falseNegatives, trueNegatives } = confusion;
  return {
    kind: "binary",
    rows,
    metrics: {
      roc_auc: metric("roc_auc", estimatedAuc(points, calibrator)),
      accuracy: metric("accuracy", values.accuracy),
      precision: metric("precision", values.precision),
      recall: metric("recall", values.recall),
      f1: metric("f1", values.f1),
    },
    confusion_matrix: [
      [trueNegatives, falsePositives],
      [falseNegatives, truePositives],
    ],
  };
}

/** Values, or the reason why there is none. */
function estimatedRates(confusion: BinaryConfusion, rows: number) {
  const { truePositives, falsePositives, falseNegatives, trueNegatives } = confusion;
  const share = (part: number, whole: number, reason: string) => (whole === 0 ? reason : part / whole);
  const neither = `${NONE_POSITIVE}, and ${NONE_PREDICTED}`;
  return {
    accuracy: share(truePositives + trueNegatives, rows, "there are no rows"),
    precision: share(truePositives, truePositives + falsePositives, NONE_PREDICTED),
    recall: share(truePositives, truePositives + falseNegatives, NONE_POSITIVE),
    f1: share(truePositives, truePositives + (falsePositives + falseNegatives) / 2, neither),
  };
}

/** Area under the curve of expected hits over expected false alarms, by trapezoids; or the reason why there is none. */
function estimatedAuc(points: readonly ScorePoint[], calibrator: Calibrator): number | string {
  let negativesBelow = 0;
  let positives = 0;
  let ordered = 0;
  for (const { score, rows } of points) {
    const chance = calibrate(calibrator, score);
    const own = rows * (1 - chance);
    ordered += rows * chance * (negativesBelow + own / 2);
    negativesBelow += own;
    positives += rows * chance;
  }
  if (positives === 0) return "no row is expected to be positive";
  return negativesBelow === 0
    ? "all rows are expected to be positive"
    : ordered / (positives * negativesBelow);
}

/** Pairs within a bin count half in the estimate, and may count nothing or all. */
function binningError(points: readonly ScorePoint[], calibrator: Calibrator): number {
  let positives = 0;
  let negatives = 0;
  let within = 0;
  for (const { score, rows } of points) {
    const chance = calibrate(calibrator, score);
    positives += rows * chance;
    negatives += rows * (1 - chance);
    within += rows * chance * rows * (1 - chance);
  }
  return within === 0 ? 0 : within / 2 / (positives * negatives);
}

function withBand(value: number | string, variation: RowVariation, rows: number): MetricValue {
  if (typeof value === "string") return unknownFor(value);
  if (variation === null) return known(value);
  const half = (BAND_ERRORS * variation.deviation) / Math.sqrt(rows * variation.share);
  return known(value, { low: Math.max(0, value - half), high: Math.min(1, value + half) });
}

/** The double next below a positive one. */
function nextBelow(value: number): number {
  const bits = new BigInt64Array(1);
  const double = new Float64Array(bits.buffer);
  double[0] = value;
  if (value > 0) bits[0] = (bits[0] as bigint) - 1n;
  return double[0];
}
