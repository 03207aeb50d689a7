/**
 * Builds what training needs, wherever its rows come from: the trainers, the searches, the runtimes.
 */
import type { Runtime } from "../workers/runtime.ts";
import { onnxRuntime } from "../workers/runtime-onnx.ts";
import { tfjsRuntime } from "../workers/runtime-tfjs.ts";
import { defaultSearch } from "../workers/train/search/default-searches.ts";
import { runSearch } from "../workers/train/search/run-search.ts";
import { type RegisteredTrainer, TRAINERS } from "../workers/train/trainers.ts";
import { fieldInvalid } from "./core/errors.ts";
import type { TrainingTools } from "./train/training-tools.ts";

/** By the runtime that the manifest names. */
export const loadModel: Runtime["load"] = async (artifact) =>
  (artifact.manifest.runtime === "onnx" ? onnxRuntime : tfjsRuntime).load(artifact);

/** @param external trainers by model type, where there are any. */
export function createTrainingTools(
  readTable: TrainingTools["readTable"],
  external: ReadonlyMap<string, RegisteredTrainer> = new Map(),
): TrainingTools {
  return {
    readTable,
    trainerOf: (type) => {
      const trainer = TRAINERS.get(type) ?? external.get(type);
      if (trainer !== undefined) return trainer;
      throw fieldInvalid(
        "model_type",
        `${type} is trained by an external trainer, and none is connected: take another type`,
      );
    },
    search: runSearch,
    defaultSearch,
    load: loadModel,
  };
}
