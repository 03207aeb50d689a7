/**
 * One training job from its rows to a model that has been judged: what a training process does.
 *
 *     READING rows ─▶ PREPARING splits and columns ─▶ SEARCHING hyperparameters ─▶ TRAINING ─▶ EVALUATING on rows kept apart ─▶ result
 *
 * Invariant: nothing is read but the task, the tables up to positions that the result names, and the seed: the same task on the same
 * tables gives the same files. Test rows are read by the evaluation alone.
 */
import { parseManifest } from "../core/manifest.ts";
import { parseTrainingSpec, type TrainingSpec } from "../core/training-spec.ts";
import { checkClasses, checkTable } from "./data/data-checks.ts";
import { selectColumns, selectedInputs } from "./data/feature-selection.ts";
import { fingerprintOf } from "./data/fingerprint.ts";
import type { SourcedTable } from "./data/labelled-table.ts";
import { type DataSplit, splitRows } from "./data/splits.ts";
import { rowsAt, type TrainingTable } from "./data/training-table.ts";
import { evaluateModel } from "./evaluate-model.ts";
import { heldOutReference } from "./held-out-reference.ts";
import { learnModel } from "./learn-model.ts";
import { planLearning } from "./learning-plan.ts";
import { TRAINING_FILE, trainingRecord } from "./training-record.ts";
import type { OnNews, TrainingResult, TrainingTask } from "./training-task.ts";
import type { TrainingTools } from "./training-tools.ts";

/** @throws EngineError as each stage does: INVALID_REQUEST for what can never be trained, SERVICE_UNAVAILABLE for what may be later. */
export async function runTraining(
  task: TrainingTask,
  tools: TrainingTools,
  onNews: OnNews,
): Promise<TrainingResult> {
  const spec = parseTrainingSpec(task.spec);
  const champion = task.champion === undefined ? undefined : parseManifest(task.champion.manifest);
  onNews({ kind: "progress", stage: "READING", share: 0 });
  const sourced = await tools.readTable({ task, spec, champion });
  onNews({ kind: "progress", stage: "PREPARING", share: 0 });
  const { all, table, split } = prepare(spec, sourced, onNews);
  const fingerprint = fingerprintOf(table);
  onNews({ kind: "data", data: dataOf(sourced, split, fingerprint) });
  const learned = await learnModel(
    {
      task,
      spec,
      table,
      split,
      plan: planLearning(spec, tools.trainerOf(spec.model_type), table.inputs, champion),
      champion,
    },
    tools,
    onNews,
  );
  onNews({ kind: "progress", stage: "EVALUATING", share: 0 });
  const test = { all: rowsAt(all, split.test), table: rowsAt(table, split.test) };
  const evaluated = await evaluateModel({ task, spec, learned, champion, test, table, split }, tools);
  const reference = heldOutReference(learned.manifest, { table: test.table, ...evaluated.challenger });
  const record = trainingRecord({ task, spec, learned, champion, source: sourced.source, split, table });
  const text = `${JSON.stringify(record, null, 2)}\n`;
  const files = new Map([...learned.files, [TRAINING_FILE, Buffer.from(text)]]);
  return {
    gate: { ...evaluated.verdict },
    isPassed: evaluated.verdict.verdict === "PASSED",
    metrics: { ...evaluated.metrics },
    model: { manifest: learned.manifest, files },
    reference,
    trainingRows: split.final.training.length,
  };
}

interface Prepared {
  /** With all inputs that were read, also those that are not learned from: the champion may need them. */
  readonly all: TrainingTable;
  readonly table: TrainingTable;
  readonly split: DataSplit;
}

function prepare({ data, validation }: TrainingSpec, sourced: SourcedTable, onNews: OnNews): Prepared {
  const { table: all } = sourced;
  const table = selectColumns(all, selectedInputs(all.inputs, data.features));
  const notes = [...sourced.notes, ...checkTable(table, data.leakage)];
  for (const { field, message } of notes)
    onNews({ kind: "log", level: "warn", message: `${field} ${message}` });
  const { raw, groups, timesMs } = table;
  const split = splitRows(
    { rows: raw.count, groups, ...(timesMs === undefined ? {} : { timesMs }) },
    validation,
  );
  checkClasses(table, split);
  return { all, table, split };
}

function dataOf({ source, table, notes }: SourcedTable, { final, test }: DataSplit, fingerprint: string) {
  return {
    rows: table.raw.count,
    training_rows: final.training.length,
    validation_rows: final.validation.length,
    test_rows: test.length,
    fingerprint,
    source,
    notes,
  };
}
