/**
 * One training from a table to a model that can be served: preprocessing fitted, model trained, exported, and measured on the test rows.
 *
 *     table, split → prepareSets → trainer → export
 *                                    └─ predict(test) → metrics with intervals
 *
 * The same job gives the same files to the last byte. Runs where the trainer runs: in a thread of its own.
 */
import type { ExportedModel, Iteration, TrainedModel } from "../../workers/train/trainer.ts";
import type { RegisteredTrainer } from "../../workers/train/trainers.ts";
import { type ModelManifest, parseManifest } from "../core/manifest.ts";
import type { ModelInput } from "../core/model-input.ts";
import type { PreprocessingStep } from "../core/preprocessing.ts";
import { measurePerformance, type RealisedPerformance } from "../monitor/performance/realised-performance.ts";
import { withBackground } from "./background.ts";
import { type Preparation, prepareSets } from "./data/prepared-sets.ts";
import type { DataSplit } from "./data/splits.ts";
import { type TrainingTable, taskOf } from "./data/training-table.ts";
import { toLabelledRows } from "./test-rows.ts";

export interface TrainingJob<Parameters> {
  readonly table: TrainingTable;
  readonly split: DataSplit;
  readonly preparation: Preparation;
  readonly parameters: Parameters;
  /** An integer of 32 bits. */
  readonly seed: number;
}

export interface TrainingOutcome {
  readonly exported: ExportedModel;
  readonly preprocessing: readonly PreprocessingStep[];
  /** Those that the model holds. */
  readonly iterations: number;
  /** Of the columns that the model reads, those that matter most first. Empty where the type has none. */
  readonly importances: readonly { readonly name: string; readonly share: number }[];
  /** Of the test rows. */
  readonly test: RealisedPerformance;
}

/** @throws EngineError INVALID_REQUEST, MODEL_INVALID: rows, preprocessing or parameters that nothing can be learned with. */
export async function trainModel(
  { trainer, background }: RegisteredTrainer,
  { table, split, preparation, parameters, seed }: TrainingJob<unknown>,
  onIteration: (iteration: Iteration) => void,
): Promise<TrainingOutcome> {
  const task = taskOf(table);
  const sets = prepareSets(table, split.final, split.test, preparation);
  const { training, validation, test } = sets;
  const trained = await trainer.train({
    task,
    training,
    parameters,
    seed,
    ...(validation === undefined ? {} : { validation }),
    onIteration: (iteration) => {
      onIteration(iteration);
      return "continue";
    },
  });
  const rows = test ?? { rows: 0, columns: [], targets: new Float64Array(0) };
  const predictions = await trained.predict(rows.columns, rows.rows);
  const exported = await trained.export();
  return {
    exported: { ...exported, files: withBackground(exported.files, { background }, training) },
    preprocessing: sets.preprocessing,
    iterations: trained.iterations,
    importances: importancesOf(training.columns, trained),
    test: measurePerformance(toLabelledRows(task, rows.targets, predictions)),
  };
}

/** Of the columns that matter at all, those that matter most first. Empty where the type has none. */
export function importancesOf(
  columns: readonly { readonly name: string }[],
  { importances }: Pick<TrainedModel, "importances">,
): TrainingOutcome["importances"] {
  return columns
    .map(({ name }, at) => ({ name, share: importances?.[at] ?? 0 }))
    .filter(({ share }) => share > 0)
    .sort((a, b) => b.share - a.share || (a.name < b.name ? -1 : 1));
}

export interface ManifestParts {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly inputs: readonly ModelInput[];
  readonly classes?: readonly string[] | undefined;
  readonly threshold?: number;
  readonly missing: Preparation["missing"];
}

/** What model.json says of the model. @throws EngineError MODEL_INVALID naming the field. */
export function manifestOf(
  { missing, ...parts }: ManifestParts,
  { exported, preprocessing }: Pick<TrainingOutcome, "exported" | "preprocessing">,
): ModelManifest {
  const { runtime, inputTensor, output } = exported;
  return parseManifest({
    ...parts,
    runtime,
    input_tensor: inputTensor,
    outputs: [output],
    ...(preprocessing.length === 0 ? {} : { preprocessing }),
    ...(missing === "allowed" ? { allow_nan: true } : {}),
  });
}
