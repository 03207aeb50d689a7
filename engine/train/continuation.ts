/**
 * What a training goes on from that does not begin anew: the version that serves. Its trees or weights mean what its own inputs and fitted
 * preprocessing make of a row, so both are taken as they are.
 *
 *     task, specification ─▶ continuationOf ─▶ rows are read ─▶ continuedTable ─▶ split ─▶ unseenSplit
 *
 * Invariant: no row that this version has learned from tests what comes of it, or says in ENSEMBLE_UPDATE what a member weighs.
 */
import type { ExportedModel } from "../../workers/train/trainer.ts";
import type { RegisteredTrainer } from "../../workers/train/trainers.ts";
import { type EngineError, fieldInvalid } from "../core/errors.ts";
import { type ModelManifest, modelKey } from "../core/manifest.ts";
import type { FeatureSelection } from "../core/training-data.ts";
import type { TrainingSource } from "../core/training-lineage.ts";
import type { TrainingSpec } from "../core/training-spec.ts";
import type { TrainingValidation } from "../core/training-validation.ts";
import { rowsFor } from "./compared-rows.ts";
import { selectedInputs } from "./data/feature-selection.ts";
import type { DataSplit } from "./data/splits.ts";
import { rowsAt, type TrainingTable } from "./data/training-table.ts";
import type { Continuation } from "./learning-plan.ts";
import { rowsRemembered } from "./remembered-training.ts";
import type { LearningTask } from "./training-task.ts";
import { unseenRows } from "./unseen-rows.ts";

/** Undefined for FULL_RETRAIN. @throws EngineError INVALID_REQUEST when there is nothing to go on from, or preprocessing of its own is asked for. */
export function continuationOf(
  { champion: served }: LearningTask,
  { mode, model_type, preprocessing }: TrainingSpec,
  { trainer: { warmStarts } }: RegisteredTrainer,
  champion: ModelManifest | undefined,
): Continuation | undefined {
  if (mode === "FULL_RETRAIN") return undefined;
  if (!warmStarts.includes(mode)) {
    const modes = ["FULL_RETRAIN", ...warmStarts].join(", ");
    throw fieldInvalid("mode", `${mode} is nothing that ${model_type} can do: take one of ${modes}`);
  }
  if (served === undefined || champion === undefined)
    throw fieldInvalid(
      "mode",
      `${mode} goes on from the version in production, and there is none: take FULL_RETRAIN`,
    );
  if (preprocessing !== undefined)
    throw fieldInvalid(
      "preprocessing",
      `must be left out: ${mode} goes on from ${modelKey(champion)} with its preprocessing as it is; to change it, take FULL_RETRAIN`,
    );
  const untilMs = rowsRemembered(served.files)?.untilMs;
  return { warmStart: mode, manifest: champion, initial: exportedOf(champion, served.files), untilMs };
}

/**
 * The rows to go on with, as the version that serves takes them. Of ENSEMBLE_UPDATE, those that none of its members has learned from.
 * @throws EngineError INVALID_REQUEST for other inputs or classes, and when no rows are left.
 */
export function continuedTable(
  continuation: Continuation,
  features: FeatureSelection,
  table: TrainingTable,
): TrainingTable {
  const { manifest } = continuation;
  const selected = selectedInputs(table.inputs, features).map(({ name }) => name);
  const own = manifest.inputs.map(({ name }) => name);
  const others = selected.filter((name) => !own.includes(name));
  const missing = own.filter((name) => !selected.includes(name));
  if (others.length > 0) throw otherInputs(continuation, "does not have", others, "exclude");
  if (missing.length > 0) throw otherInputs(continuation, "needs", missing, "include");
  return laterRows(continuation, { ...table, inputs: manifest.inputs, raw: rowsFor(manifest, table) });
}

interface UnseenQuestion {
  readonly source: TrainingSource;
  readonly table: TrainingTable;
}

/** Without the rows that the version which is gone on from has learned from, in all parts that stop or judge. @throws EngineError INVALID_REQUEST when none are left to judge. */
export function unseenSplit(
  { champion }: LearningTask,
  split: DataSplit,
  validation: TrainingValidation,
  { source, table }: UnseenQuestion,
): DataSplit {
  const unseen = (rows: Uint32Array): Uint32Array => {
    const { rows: places } = unseenRows(champion?.files, validation, source, rowsAt(table, rows));
    return places === undefined ? rows : places.map((place) => rows[place] as number);
  };
  const test = unseen(split.test);
  if (test.length === 0)
    throw fieldInvalid(
      "mode",
      "the version in production has learned from all rows that would judge the new one: wait for more labels, or take FULL_RETRAIN",
    );
  return { ...split, final: { ...split.final, validation: unseen(split.final.validation) }, test };
}

function laterRows({ warmStart, untilMs }: Continuation, table: TrainingTable): TrainingTable {
  if (warmStart !== "ENSEMBLE_UPDATE") return table;
  const { timesMs, raw } = table;
  const refused = (problem: string): EngineError =>
    fieldInvalid(
      "mode",
      `ENSEMBLE_UPDATE weighs members by rows that they have not learned from: ${problem}`,
    );
  if (untilMs === undefined)
    throw refused(
      "nothing says when those happened that the version in production learned from; take FULL_RETRAIN",
    );
  if (timesMs === undefined)
    throw refused("these rows have no times; name data.time_column, or take FULL_RETRAIN");
  const later = Uint32Array.from(timesMs.keys()).filter((row) => (timesMs[row] as number) > untilMs);
  if (later.length > 0) return rowsAt(table, later);
  throw refused(
    `none of the ${raw.count} rows is later than ${new Date(untilMs).toISOString()}, its newest; wait for labels, or take FULL_RETRAIN`,
  );
}

function otherInputs(
  { warmStart, manifest }: Continuation,
  verb: string,
  names: readonly string[],
  remedy: string,
): EngineError {
  const shown = names.slice(0, 10).join(", ");
  return fieldInvalid(
    "data.features",
    `${warmStart} goes on from ${modelKey(manifest)} with its inputs as they are, and it ${verb} ${shown}: ${remedy} them, or take FULL_RETRAIN`,
  );
}

function exportedOf(manifest: ModelManifest, files: ExportedModel["files"]): ExportedModel {
  const { runtime, input_tensor, outputs } = manifest;
  const [output] = outputs;
  if (input_tensor === undefined || output === undefined || output.type === "probability")
    throw fieldInvalid(
      "mode",
      "the version in production was not trained here, so nothing can go on from it: take FULL_RETRAIN",
    );
  return { runtime, files, inputTensor: input_tensor, output: { name: output.name, type: output.type } };
}
