/**
 * What a job trains, worked out from its specification and the version that serves: inputs, preprocessing, and what the trainer takes.
 */
import type { ExportedModel, WarmStart } from "../../workers/train/trainer.ts";
import type { RegisteredTrainer } from "../../workers/train/trainers.ts";
import type { MissingRule } from "../core/column-layout.ts";
import type { ModelManifest } from "../core/manifest.ts";
import type { ModelInput } from "../core/model-input.ts";
import type { TrainingSpec } from "../core/training-spec.ts";
import { defaultPreprocessing } from "./data/default-preprocessing.ts";
import { stepsWithout } from "./data/feature-selection.ts";
import type { PlannedSteps } from "./data/prepared-sets.ts";
import type { DataSplit } from "./data/splits.ts";
import type { TrainingTable } from "./data/training-table.ts";
import type { LearningTask } from "./training-task.ts";

export type LearningPlan = PlannedSteps & { readonly missing: MissingRule };

/** The version that training goes on from (continuation). */
export interface Continuation {
  readonly warmStart: WarmStart;
  readonly manifest: ModelManifest;
  readonly initial: ExportedModel;
  /** When the newest row happened that it has learned from, ms since 1970; undefined where nothing says so. */
  readonly untilMs: number | undefined;
}

export interface LearningQuestion {
  readonly task: LearningTask;
  readonly spec: TrainingSpec;
  readonly table: TrainingTable;
  readonly split: DataSplit;
  readonly registered: RegisteredTrainer;
  readonly plan: LearningPlan;
  readonly champion: ModelManifest | undefined;
  /** Undefined when training begins anew. */
  readonly continuation: Continuation | undefined;
}

/**
 * Preprocessing of the version that training goes on from, as it is. Else as it was asked for; else as the version that serves has it,
 * where the new model can take what comes of it; else the default of the trainer's family.
 * @param inputs that are learned from.
 * @throws EngineError INVALID_REQUEST for a step that needs an input which was left out.
 */
export function planLearning(
  { preprocessing }: Pick<TrainingSpec, "preprocessing">,
  { takes }: Pick<RegisteredTrainer, "takes">,
  inputs: readonly ModelInput[],
  champion: ModelManifest | undefined,
  continuation: Continuation | undefined,
): LearningPlan {
  const family = takes === "anything" ? "trees" : "linear";
  const missing = family === "trees" ? "allowed" : "refused";
  if (continuation !== undefined) return { fitted: continuation.manifest.preprocessing ?? [], missing };
  if (preprocessing !== undefined) return { steps: preprocessing, missing };
  const isTaken =
    champion?.preprocessing !== undefined && (family === "trees" || champion.allow_nan !== true);
  if (!isTaken) return { steps: defaultPreprocessing(inputs, family), missing };
  const kept = new Set(inputs.map(({ name }) => name));
  const left = champion.inputs.map(({ name }) => name).filter((name) => !kept.has(name));
  return { steps: stepsWithout(champion.preprocessing ?? [], new Set(left)), missing };
}
