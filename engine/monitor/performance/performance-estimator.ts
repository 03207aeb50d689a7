/**
 * What a model version's labelled reference says for estimating performance without labels later: the calibrator, and
 * how much each metric varies from row to row. JSON; part of the version's reference.
 */
import { z } from "zod";
import { EngineError } from "../../core/errors.ts";
import { calibrator, fitCalibrator } from "./calibration.ts";
import { binaryConfusion, confusionOf } from "./confusion-matrix.ts";
import type { BinaryRows } from "./labelled-rows.ts";
import { groupScores, type ScoreGroups } from "./sorted-scores.ts";

/**
 * Standard deviation of a row's part in the metric, and the share of rows that have a part in it: n later rows give a
 * sampling error of deviation / sqrt(share · n). Null where the reference has no such rows.
 */
const rowVariation = z
  .strictObject({ deviation: z.number().min(0), share: z.number().gt(0).max(1) })
  .nullable();

export type RowVariation = z.infer<typeof rowVariation>;

export const performanceEstimator = z.strictObject({
  calibrator,
  variation: z.strictObject({
    roc_auc: rowVariation,
    accuracy: rowVariation,
    precision: rowVariation,
    recall: rowVariation,
    f1: rowVariation,
  }),
});

export type PerformanceEstimator = z.infer<typeof performanceEstimator>;

export interface EstimatorOptions {
  /**
   * Whether to calibrate. NannyML decides by cross-validation whether calibration makes the calibration error smaller;
   * scores that are probabilities already are left alone with false.
   */
  readonly needsCalibration: boolean;
  /** Bound of the calibrator's knots; 1000 by default. */
  readonly knotsMax?: number;
}

/**
 * @param reference labelled rows, at least one, which the model was not trained on.
 * @throws EngineError INVALID_REQUEST naming the column and the first wrong row.
 */
export function fitEstimator(
  { scores, predicted, labels }: BinaryRows,
  { needsCalibration, knotsMax }: EstimatorOptions,
): PerformanceEstimator {
  const groups = groupScores(scores, labels);
  const matrix = confusionOf(labels, predicted, 2);
  const { truePositives: hits, trueNegatives, falsePositives, falseNegatives } = binaryConfusion(matrix);
  const { rows } = matrix;
  if (rows === 0)
    throw new EngineError("INVALID_REQUEST", "labels: the reference has no labelled rows to learn from");
  const errors = falsePositives + falseNegatives;
  const overlap = variationOf(hits, hits + errors, rows);
  // F1 counts an error half: hits / (hits + errors / 2)
  const scale = (hits + errors) / (hits + errors / 2);
  return {
    calibrator: needsCalibration ? fitCalibrator(groups, knotsMax) : { type: "none" },
    variation: {
      roc_auc: placementVariation(groups),
      accuracy: variationOf(hits + trueNegatives, rows, rows),
      precision: variationOf(hits, hits + falsePositives, rows),
      recall: variationOf(hits, hits + falseNegatives, rows),
      f1: overlap && { ...overlap, deviation: overlap.deviation * scale },
    },
  };
}

/** Of a share: hits among those that take part. */
function variationOf(hits: number, involved: number, rows: number): RowVariation {
  if (involved === 0) return null;
  const share = hits / involved;
  return { deviation: Math.sqrt(share * (1 - share)), share: involved / rows };
}

/** Of AUC: how the placements of the rarer class's rows among the other class's vary. Ties count half. */
function placementVariation(groups: ScoreGroups): RowVariation {
  const { positiveCount, negativeCount } = groups;
  if (positiveCount === 0 || negativeCount === 0) return null;
  const isPositiveRarer = positiveCount <= negativeCount;
  const [rarer, other] = isPositiveRarer
    ? [groups.positives, groups.negatives]
    : [groups.negatives, groups.positives];
  const rarerCount = Math.min(positiveCount, negativeCount);
  const otherCount = Math.max(positiveCount, negativeCount);
  let below = 0;
  let sum = 0;
  let squares = 0;
  for (let group = 0; group < groups.scores.length; group += 1) {
    const count = rarer[group] as number;
    const placement = (below + (other[group] as number) / 2) / otherCount;
    sum += count * placement;
    squares += count * placement * placement;
    below += other[group] as number;
  }
  const mean = sum / rarerCount;
  const deviation = Math.sqrt(Math.max(0, squares / rarerCount - mean * mean));
  return { deviation, share: rarerCount / (rarerCount + otherCount) };
}
