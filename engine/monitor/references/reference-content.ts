/**
 * Makes the content of a reference from rows: the profile, and from labelled rows metrics and, of two classes, the estimator.
 *
 * Scores are calibrated for the estimate only where they need it: where the calibration error is larger than what a
 * calibrated model would show by chance, that is where its interval leaves 0 out.
 */
import type { ModelManifest } from "../../core/manifest.ts";
import type { LabelledRows } from "../performance/labelled-rows.ts";
import { fitEstimator } from "../performance/performance-estimator.ts";
import { measurePerformance } from "../performance/realised-performance.ts";
import { buildProfile, type ColumnValues, type ReferenceOptions } from "./reference-builder.ts";
import type { ReferenceContent } from "./reference-document.ts";
import { watchedColumns } from "./reference-profile.ts";

export interface ReferenceRows {
  /** Of each watched column; outputs may be left out. */
  readonly values: ReadonlyMap<string, ColumnValues>;
  /** Rows that the model was not trained on, if any has a label. */
  readonly labelled?: LabelledRows | undefined;
}

/**
 * Rows of so many columns that a reference is made from at most: a million, or what 64 million values are.
 */
export function referenceRowsMax(columns: number): number {
  return Math.min(1_000_000, Math.floor(64_000_000 / columns));
}

/** @throws EngineError INVALID_REQUEST naming the column. */
export function buildReference(
  manifest: ModelManifest,
  { values, labelled }: ReferenceRows,
  options: ReferenceOptions = {},
): ReferenceContent {
  const profile = buildProfile(watchedColumns(manifest), values, options);
  if (labelled === undefined || labelled.labels.length === 0) return { profile };
  const { metrics } = measurePerformance(labelled);
  if (labelled.kind !== "binary") return { profile, metrics };
  const needsCalibration = (metrics.expected_calibration_error?.interval?.low ?? 0) > 0;
  return { profile, metrics, estimator: fitEstimator(labelled, { needsCalibration }) };
}
