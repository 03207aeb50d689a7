/**
 * The judgement of a new model: its metrics on rows kept apart, and the gate, against the version that serves.
 *
 * Both are run as they are served, on the same rows (judged-model).
 */
import type { ModelManifest } from "../core/manifest.ts";
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
import { predictionsOf, scoreRows } from "./model-scores.ts";
import { predictedRows } from "./predicted-rows.ts";
import type { LearningTask } from "./training-task.ts";
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
    const outputs =
      table === test.table
        ? challenger.outputs
        : await scoreRows(challenger.model, learned.manifest, test.table.raw);
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
function rowsOfBoth({ task, spec, test }: EvaluationQuestion): EvaluationQuestion["test"] {
  const unseen = unseenRows(task.champion?.files, spec.validation, test.table.timesMs);
  return unseen === undefined ? test : { all: rowsAt(test.all, unseen), table: rowsAt(test.table, unseen) };
}
