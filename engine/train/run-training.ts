/**
 * One training from its rows to a model that has been judged: what a training process does, and `millrace train`.
 *
 *     READING rows ─▶ PREPARING splits and columns ─▶ SEARCHING hyperparameters ─▶ TRAINING ─▶ EVALUATING on rows kept apart ─▶ result
 *
 * Invariant: nothing is read but the task, its rows up to positions that the result names, and the seed: the same task on the same rows
 * gives the same files. Test rows are read by the evaluation alone.
 */
import { type ModelManifest, parseManifest } from "../core/manifest.ts";
import type { TrainingLineage } from "../core/training-lineage.ts";
import { parseTrainingSpec, type TrainingSpec } from "../core/training-spec.ts";
import type { RealisedPerformance } from "../monitor/performance/realised-performance.ts";
import { checkComparable } from "./compared-rows.ts";
import { continuationOf, continuedTable, unseenSplit } from "./continuation.ts";
import { checkClasses, checkTable } from "./data/data-checks.ts";
import { selectColumns, selectedInputs } from "./data/feature-selection.ts";
import type { SourcedTable } from "./data/labelled-table.ts";
import { lineageOf } from "./data/lineage.ts";
import { type DataSplit, splitRows } from "./data/splits.ts";
import { rowsAt, type TrainingTable } from "./data/training-table.ts";
import { evaluateModel } from "./evaluate-model.ts";
import { heldOutReference } from "./held-out-reference.ts";
import { learnModel, parsedParameters } from "./learn-model.ts";
import { type Continuation, type LearningQuestion, planLearning } from "./learning-plan.ts";
import { TRAINING_FILE } from "./remembered-training.ts";
import { type TrainingRecord, trainingRecord } from "./training-record.ts";
import type { LearningTask, OnNews, TrainingResult } from "./training-task.ts";
import type { TrainingTools } from "./training-tools.ts";

export interface TrainingRun {
  readonly result: TrainingResult;
  /** What training.json says. */
  readonly record: TrainingRecord;
  /** Of the test rows. */
  readonly metrics: RealisedPerformance;
}

/** @throws EngineError as each stage does: INVALID_REQUEST for what can never be trained, SERVICE_UNAVAILABLE for what may be later. */
export async function runTraining(
  task: LearningTask,
  tools: TrainingTools,
  onNews: OnNews,
): Promise<TrainingRun> {
  const spec = parseTrainingSpec(task.spec);
  const champion = task.champion === undefined ? undefined : parseManifest(task.champion.manifest);
  const registered = tools.trainerOf(spec.model_type);
  if (spec.search === undefined) parsedParameters(registered, spec.parameters); // before rows are read for nothing
  const continuation = continuationOf(task, spec, registered, champion);
  onNews({ kind: "progress", stage: "READING", share: 0 });
  const sourced = await tools.readTable(spec, champion);
  onNews({ kind: "progress", stage: "PREPARING", share: 0 });
  if (champion !== undefined) checkComparable(champion, sourced.table);
  const { all, table, split } = prepare({ task, spec, continuation }, sourced, onNews);
  const lineage = lineageOf({
    table,
    source: sourced.source,
    split,
    validation: spec.validation,
    seed: spec.seed,
    continuedUntilMs: continuation?.untilMs,
    ...originOf(task, champion),
  });
  onNews({ kind: "data", data: dataOf(sourced, lineage) });
  const plan = planLearning(spec, registered, table.inputs, champion, continuation);
  const question = {
    task: withTrialsOn(lineage, task, onNews),
    spec,
    table,
    split,
    registered,
    plan,
    champion,
    continuation,
  };
  const learned = await learnModel(question, tools, onNews);
  onNews({ kind: "progress", stage: "EVALUATING", share: 0 });
  const test = { all: rowsAt(all, split.test), table: rowsAt(table, split.test) };
  const { source } = sourced;
  const judgement = { task, spec, learned, champion, test, table, split, source, onNews };
  const evaluated = await evaluateModel(judgement, tools);
  const { verdict, metrics, challenger } = evaluated;
  const reference = heldOutReference(learned.manifest, { table: test.table, ...challenger });
  const record = trainingRecord({ spec, learned, lineage, metrics });
  const text = `${JSON.stringify(record, null, 2)}\n`;
  const files = new Map([...learned.files, [TRAINING_FILE, Buffer.from(text)]]);
  const result = {
    gate: { ...verdict },
    isPassed: verdict.verdict === "PASSED",
    metrics: { ...metrics },
    model: { manifest: learned.manifest, files },
    reference,
    trainingRows: split.final.training.length,
  };
  return { result, record, metrics };
}

interface Prepared {
  /** With all inputs that were read, also those that are not learned from: the champion may need them. */
  readonly all: TrainingTable;
  readonly table: TrainingTable;
  readonly split: DataSplit;
}

function prepare(
  { task, spec, continuation }: Pick<LearningQuestion, "task" | "spec" | "continuation">,
  sourced: SourcedTable,
  onNews: OnNews,
): Prepared {
  const { data, validation } = spec;
  const { all, table } = tablesOf(spec, sourced.table, continuation);
  const notes = [...sourced.notes, ...checkTable(table, data.leakage)];
  for (const { field, message } of notes)
    onNews({ kind: "log", level: "warn", message: `${field}: ${message}` });
  const parts = splitRows({ ...table, rows: table.raw.count }, validation);
  const split =
    continuation === undefined
      ? parts
      : unseenSplit(task, parts, validation, { source: sourced.source, table });
  checkClasses(table, split);
  return { all, table, split };
}

function tablesOf(
  { data }: TrainingSpec,
  all: TrainingTable,
  continuation: Continuation | undefined,
): Pick<Prepared, "all" | "table"> {
  if (continuation !== undefined) {
    const table = continuedTable(continuation, data.features, all);
    return { all: table, table };
  }
  // what a file has is selected by its own names, as it is read
  const table = data.source === "file" ? all : selectColumns(all, selectedInputs(all.inputs, data.features));
  return { all, table };
}

/** Trials on other rows are not to be compared with those on these. */
function withTrialsOn({ data }: TrainingLineage, task: LearningTask, onNews: OnNews): LearningTask {
  if (task.trials.length === 0 || task.triedOn === data.fingerprint) return task;
  const message = `the rows are no longer those of ${task.trials.length} earlier trials, which are made anew`;
  onNews({ kind: "log", level: "warn", message });
  return { ...task, trials: [] };
}

/** What the lineage says of the job and of the version before. */
function originOf(
  { request, championDigest: digest }: LearningTask,
  champion: ModelManifest | undefined,
): Pick<TrainingLineage, "trigger" | "parent"> {
  return {
    ...(request && { trigger: { job_id: request.job_id, cause: request.cause, evidence: request.evidence } }),
    ...(champion && digest !== undefined && { parent: { version: champion.version, digest } }),
  };
}

function dataOf({ source, notes }: SourcedTable, { data }: TrainingLineage) {
  const { rows, parts, fingerprint } = data;
  return {
    rows,
    training_rows: parts.training,
    validation_rows: parts.validation,
    test_rows: parts.test,
    fingerprint,
    source,
    notes,
  };
}
