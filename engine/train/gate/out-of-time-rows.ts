/**
 * What a gate looks at: labelled rows that neither model was trained on, and what each model predicted for them.
 *
 * Arrays have one entry per row, predictions `predictionWidth(task)`, row by row.
 */
import { EngineError, fieldInvalid } from "../../core/errors.ts";
import { predictionWidth, type TrainingTask } from "../../core/training-set.ts";
import type { LabelledRows } from "../../monitor/performance/labelled-rows.ts";
import type { Slices } from "../../monitor/performance/performance-slices.ts";
import { checkFinite, checkLength, checkProbabilities } from "../../monitor/performance/row-checks.ts";
import { predictedRows } from "../predicted-rows.ts";

/** Bounds the sorts and resamples of one verdict: seconds. */
const ROWS_MAX = 1_000_000;

export interface OutOfTimeRows {
  readonly task: TrainingTask;
  /** Class indexes, or values. */
  readonly targets: Float64Array;
  /** Milliseconds since 1970, where they are known. */
  readonly times?: Float64Array;
  /** Of each sliced column, the slice that a row is in. */
  readonly slices: readonly Slices[];
}

export interface Candidate {
  readonly name: string;
  readonly predictions: Float64Array;
  /** From which probability the positive class is predicted; of two classes only. */
  readonly threshold: number;
  /** Of all files of the model. */
  readonly bytes: number;
  /** Median time per row in microseconds, both models measured alike. */
  readonly latencyUs: number;
}

/** Why these rows and predictions cannot be judged by, in a sentence; undefined when they can. */
export function problemWith(
  { task, targets, times, slices }: OutOfTimeRows,
  candidates: readonly Candidate[],
): string | undefined {
  if (targets.length > ROWS_MAX)
    return `There are ${targets.length} out-of-time rows and at most ${ROWS_MAX} are judged: draw some of them.`;
  try {
    if (times !== undefined) checkTimes(times, targets.length);
    for (const { codes } of slices) checkLength("slices", codes.length, targets.length);
    checkFinite("targets", targets);
    if (task.kind !== "regression") checkTargets(targets, task.classes);
    for (const { name, predictions } of candidates) {
      const width = predictionWidth(task);
      checkLength(`predictions of ${name}`, predictions.length, targets.length * width);
      if (task.kind === "regression") checkFinite(`predictions of ${name}`, predictions);
      else checkProbabilities(`predictions of ${name}`, predictions, width);
    }
  } catch (error) {
    if (error instanceof EngineError) return `The rows cannot be judged by: ${error.message}.`;
    throw error;
  }
  return undefined;
}

/** What a Date can hold. */
export function isTime(time: number): boolean {
  return Math.abs(time) <= 8.64e15;
}

function checkTimes(times: Float64Array, rows: number): void {
  checkLength("times", times.length, rows);
  const row = times.findIndex((time) => !isTime(time));
  if (row >= 0)
    throw fieldInvalid("times", `row ${row} has ${times[row]}: a time is in milliseconds since 1970`);
}

function checkTargets(targets: Float64Array, classes: number): void {
  const row = targets.findIndex((target) => !(Number.isInteger(target) && target >= 0 && target < classes));
  if (row >= 0)
    throw fieldInvalid(
      "targets",
      `row ${row} has ${targets[row]}: a class is an index from 0 to ${classes - 1}`,
    );
}

/** How many rows each class has; none for values. */
export function classCounts({ task, targets }: OutOfTimeRows): number[] {
  if (task.kind === "regression") return [];
  const counts = Array.from({ length: task.classes }, () => 0);
  for (const target of targets) counts[target] = (counts[target] as number) + 1;
  return counts;
}

/** The rows with one candidate's predictions, as metrics take them; only after `problemWith` found nothing. */
export function labelledBy(
  { task, targets }: OutOfTimeRows,
  { predictions, threshold }: Candidate,
): LabelledRows {
  return predictedRows(task, targets, predictions, threshold);
}
