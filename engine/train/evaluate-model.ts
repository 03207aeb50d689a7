/**
 * The judgement of a new model: its metrics on rows kept apart, and the gate, against the version that serves.
 *
 * Both are run as they are served, on the same rows (judged-model).
 */
import type { ModelManifest } from "../core/manifest.ts";
import type { TrainingSource } from "../core/training-lineage.ts";
import type { TrainingSpec } from "../core/training-spec.ts";
import type { LabelledRows } from "../monitor/performance/labelled-rows.ts";
import { thresholdOf } from "../monitor/performance/performance-version.ts";
import { measurePerformance, type RealisedPerformance } from "../monitor/performance/realised-performance.ts";
import { rowsFor } from "./compared-rows.ts";
import { type DataSplit, isByTime, newestLearned } from "./data/splits.ts";
import { rowsAt, type TrainingTable, taskOf } from "./data/training-table.ts";
import { type GateVerdict, judgeChallenger } from "./gate/gate-verdict.ts";
import { candidateOf, judged, slicesOf, timesPerRow } from "./judged-model.ts";
import type { Learned } from "./learn-model.ts";
import { predictionsOf } from "./model-scores.ts";
import { predictedRows } from "./predicted-rows.ts";
import type { LearningTask, OnNews } from "./training-task.ts";
import type { TrainingTools } from "./training-tools.ts";
import { unseenRows } from "./unseen-rows.ts";

export interface EvaluationQuestion {
  readonly task: LearningTask;
  readonly spec: TrainingSpec;
  readonly learned: Learned;
  readonly champion: ModelManifest | undefined;
  /** Rows that judge: with all inputs that were read, and with those that were learned from. */
  readonly test: { readonly all: TrainingTable; readonly table: TrainingTable };
  /** All rows, with the split of which the test rows come. */
  readonly table: TrainingTable;
  readonly split: DataSplit;
  /** Of all rows. */
  readonly source: TrainingSource;
  readonly onNews: OnNews;
}

export interface Evaluation {
  readonly verdict: GateVerdict;
  readonly metrics: RealisedPerformance;
  readonly challenger: { readonly outputs: Float32Array; readonly labelled: LabelledRows };
}

/** @throws EngineError MODEL_INVALID when a model cannot be loaded, INVALID_REQUEST for a gate that does not fit the task. */
export async function evaluateModel(
  question: EvaluationQuestion,
  { load }: Pick<TrainingTools, "load">,
): Promise<Evaluation> {
  const { task, spec, learned, champion, test } = question;
  const { all, table } = rowsOfBoth(question);
  const challenger = await judged(load, { manifest: learned.manifest, files: learned.files }, table.raw);
  const former =
    champion === undefined
      ? undefined
      : await judged(
          load,
          { manifest: champion, files: task.champion?.files ?? new Map() },
          rowsFor(champion, all),
        );
  try {
    const times = await timesPerRow(former === undefined ? [challenger] : [challenger, former]);
    const { targets, timesMs } = table;
    const trainedUntil = isByTime(spec.validation)
      ? newestLearned(question.split, question.table.timesMs)
      : undefined;
    const verdict = judgeChallenger(spec.gate, {
      rows: {
        task: taskOf(table),
        targets,
        ...(timesMs === undefined || trainedUntil === undefined ? {} : { times: timesMs }),
        slices: slicesOf(table),
      },
      challenger: candidateOf(challenger, times[0] as number),
      ...(former === undefined ? {} : { champion: candidateOf(former, times[1] as number) }),
      ...(trainedUntil === undefined ? {} : { trainedUntil }),
    });
    const outputs = table === test.table ? challenger.outputs : await challenger.score(test.table.raw);
    const labelled = predictedRows(
      taskOf(table),
      test.table.targets,
      predictionsOf(learned.manifest, outputs),
      thresholdOf(learned.manifest),
    );
    return {
      verdict,
      metrics: measurePerformance(labelled),
      challenger: { outputs, labelled },
    };
  } finally {
    await Promise.all([challenger.model.close(), former?.model.close()]);
  }
}

/** Test rows that the champion has not learned from either. */
function rowsOfBoth({ task, spec, test, source, onNews }: EvaluationQuestion): EvaluationQuestion["test"] {
  const { rows, isUntold } = unseenRows(task.champion?.files, spec.validation, source, test.table);
  if (isUntold)
    onNews({
      kind: "log",
      level: "warn",
      message:
        "the version that serves may have learned from rows that judge it here, since it was trained from rows of other columns: " +
        "name a time_column or an entity_column for a fair comparison",
    });
  return rows === undefined ? test : { all: rowsAt(test.all, rows), table: rowsAt(test.table, rows) };
}
