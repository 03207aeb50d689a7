/**
 * How a model is to be trained: the body of POST /api/v1/training/start, what stands in a model's record for jobs that nobody specifies,
 * and what a version remembers of its own training.
 */
import { z } from "zod";
import { deployment } from "./deployment.ts";
import { EXTERNAL_TYPES } from "./fit-task.ts";
import { MODEL_NAME } from "./names.ts";
import { unfittedSteps } from "./preprocessing.ts";
import { invalidBy } from "./schema-details.ts";
import { trainingData } from "./training-data.ts";
import { trainingGate } from "./training-gate.ts";
import { trainingSearch } from "./training-search.ts";
import { trainingValidation } from "./training-validation.ts";

export const MODEL_TYPES = [
  "GRADIENT_BOOSTING",
  "RANDOM_FOREST",
  "LINEAR",
  "NEURAL_NETWORK",
  "LSTM",
  "ENSEMBLE",
  ...EXTERNAL_TYPES,
] as const;
export type ModelType = (typeof MODEL_TYPES)[number];

export const TRAINING_MODES = [
  "FULL_RETRAIN",
  "INCREMENTAL",
  "TRANSFER_LEARNING",
  "ENSEMBLE_UPDATE",
] as const;
export type TrainingMode = (typeof TRAINING_MODES)[number];

export const trainingSpec = z.strictObject({
  model_name: z.string().regex(MODEL_NAME, "must be a model's name"),
  model_type: z.enum(MODEL_TYPES).default("GRADIENT_BOOSTING"),
  /** FULL_RETRAIN begins anew; the others go on from the version that serves. */
  mode: z.enum(TRAINING_MODES).default("FULL_RETRAIN"),
  /** What was served and labelled in the last 90 days, unless it says otherwise. */
  data: trainingData.prefault({ source: "labelled", window: "90d" }),
  /** Of the model type, by the names of its trainer; what a search looks for is not given here. */
  parameters: z.record(z.string().min(1).max(64), z.unknown()).default({}),
  /** Transforms before the model, to be fitted in training; unless given those of the version that serves, or what the type needs. */
  preprocessing: unfittedSteps.optional(),
  /** For hyperparameters; without it those given are taken. */
  search: trainingSearch.optional(),
  validation: trainingValidation.prefault({ method: "out_of_time" }),
  /** What the new model must show beside the version that serves. */
  gate: trainingGate.prefault({}),
  /** What becomes of a version that has passed its gate; a canary that grows to production unless told. */
  deployment: deployment.prefault({ strategy: "canary" }),
  /** All randomness comes from it: the same job on the same data gives the same bytes. */
  seed: z.int().min(0).max(0xffff_ffff).default(0),
});

export type TrainingSpec = z.infer<typeof trainingSpec>;

/** With defaults filled in. @throws EngineError INVALID_REQUEST with one detail per wrong field. */
export function parseTrainingSpec(json: unknown): TrainingSpec {
  const result = trainingSpec.safeParse(json);
  if (!result.success) throw invalidBy(result.error, "specification");
  return result.data;
}
