/**
 * What training needs of the rest of the engine: rows, trainers, runtimes. Built by the training process, and by the command line.
 */
import type { Runtime } from "../../workers/runtime.ts";
import type { defaultSearch } from "../../workers/train/search/default-searches.ts";
import type { runSearch } from "../../workers/train/search/run-search.ts";
import type { RegisteredTrainer } from "../../workers/train/trainers.ts";
import type { ModelManifest } from "../core/manifest.ts";
import type { ModelType, TrainingSpec } from "../core/training-spec.ts";
import type { SourcedTable } from "./data/labelled-table.ts";

export interface TrainingTools {
  /** With all inputs of the champion, whatever is learned from. @throws EngineError INVALID_REQUEST, SERVICE_UNAVAILABLE. */
  readonly readTable: (spec: TrainingSpec, champion: ModelManifest | undefined) => Promise<SourcedTable>;
  /** @throws EngineError INVALID_REQUEST for a type that nothing here can train. */
  readonly trainerOf: (type: ModelType) => RegisteredTrainer;
  readonly search: typeof runSearch;
  readonly defaultSearch: typeof defaultSearch;
  /** By the runtime that the manifest names. */
  readonly load: Runtime["load"];
}
