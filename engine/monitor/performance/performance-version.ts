/**
 * A version whose performance is measured, and what a round asks of the tables for it.
 */
import type {
  DrawnRows,
  PairQuestion,
  PredictionPairs,
  VariantRows,
  VersionWindow,
} from "../../../storage/performance-rows.ts";
import type { LabelledQuestion, LabelledRows } from "../../core/labelled-rows.ts";
import type { ModelManifest } from "../../core/manifest.ts";
import type { ReferenceContent } from "../references/reference-document.ts";

export interface PerformanceVersion {
  readonly manifest: ModelManifest;
  /** Undefined without one: then nothing is estimated, nothing compared with it, and numbers have no slices. */
  readonly reference?: (ReferenceContent & { readonly id: string }) | undefined;
}

/** All of it as of the position that is asked for. @throws EngineError SERVICE_UNAVAILABLE */
export interface WindowRows {
  count(window: VersionWindow): Promise<readonly VariantRows[]>;
  labelled(question: LabelledQuestion): Promise<LabelledRows>;
  scores(question: DrawnRows): Promise<Float32Array>;
  pairs(question: PairQuestion): Promise<PredictionPairs>;
}

const THRESHOLD_DEFAULT = 0.5;

/** Score from which on the positive class is predicted. */
export function thresholdOf({ threshold = THRESHOLD_DEFAULT }: ModelManifest): number {
  return threshold;
}
