/**
 * A model as training leaves it: what the trainer exported, with a manifest that serving accepts.
 */

import type { ExportedModel } from "../../workers/train/trainer.ts";
import type { MissingRule } from "../core/column-layout.ts";
import { EngineError } from "../core/errors.ts";
import { type ModelManifest, modelManifest } from "../core/manifest.ts";
import type { PreprocessingStep } from "../core/preprocessing.ts";
import type { TrainingTable } from "./data/training-table.ts";

export interface LearnedParts {
  readonly name: string;
  readonly version: string;
  readonly table: Pick<TrainingTable, "inputs" | "classes">;
  readonly preprocessing: readonly PreprocessingStep[];
  readonly missing: MissingRule;
  /** Whose description and threshold the new version keeps. */
  readonly champion: ModelManifest | undefined;
  readonly exported: ExportedModel;
}

/** @throws EngineError MODEL_INVALID naming the field. */
export function learnedManifest(parts: LearnedParts): ModelManifest {
  const { name, version, table, preprocessing, missing, champion, exported } = parts;
  const { inputs, classes } = table;
  const isSameClasses = JSON.stringify(classes) === JSON.stringify(champion?.classes);
  const result = modelManifest.safeParse({
    name,
    version,
    ...(champion?.description === undefined ? {} : { description: champion.description }),
    runtime: exported.runtime,
    inputs,
    input_tensor: exported.inputTensor,
    ...(preprocessing.length === 0 ? {} : { preprocessing }),
    ...(missing === "allowed" ? { allow_nan: true } : {}),
    outputs: [exported.output],
    ...(classes === undefined ? {} : { classes }),
    ...(isSameClasses && champion?.threshold !== undefined ? { threshold: champion.threshold } : {}),
  });
  if (result.success) return result.data;
  const details = result.error.issues.map(({ path, message }) => ({ field: path.join("."), message }));
  throw new EngineError("MODEL_INVALID", `the trained model: ${details[0]?.field}: ${details[0]?.message}`, {
    details,
  });
}
