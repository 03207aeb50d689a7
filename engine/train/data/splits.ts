/**
 * Which rows train, validate and test a model: indexes into the rows, from their groups or their times alone. Pure.
 *
 *     by hash   every row of a group is in the same part; shares are met on average
 *     by time   a row of a later part is later than all of an earlier one, rows of one moment staying together; between the two lies
 *               the embargo: last earlier row < first later row − embargo
 *
 * Invariants: parts of one split never share a row; by hash they cover all rows, by time all but the embargoed ones; indexes ascend.
 */
import { durationMs } from "../../core/duration.ts";
import { fieldInvalid } from "../../core/errors.ts";
import type { TrainingValidation } from "../../core/training-validation.ts";
import { shareOf } from "./row-groups.ts";

/** What the rows of a split are told by; arrays have an element a row. */
export interface SplitRows {
  readonly rows: number;
  /** Hash of what must stay together (row-groups). */
  readonly groups: Uint32Array;
  /** ms since 1970; needed to split by time. */
  readonly timesMs?: Float64Array;
}

/** Rows to learn from, and those that stop it early. */
export interface Fold {
  readonly training: Uint32Array;
  /** Empty when nothing is to stop training. */
  readonly validation: Uint32Array;
}

export interface DataSplit {
  /** Of the finished model. */
  readonly final: Fold;
  /** What judges the finished model; no fold holds any of it. */
  readonly test: Uint32Array;
  /** Of k_fold and time_series, whose validation parts are for choosing hyperparameters; of the others the final one. */
  readonly folds: readonly Fold[];
}

/** Salts of the hashes, so that the parts of one cut say nothing of the next. */
const SALT = { test: 1, validation: 2, fold: 3 } as const;

/** @throws EngineError INVALID_REQUEST when rows have no times, or a part would be empty. */
export function splitRows(rows: SplitRows, validation: TrainingValidation): DataSplit {
  const split = isByTime(validation) ? splitByTime(rows, validation) : splitByHash(rows, validation);
  checkParts(split, validation);
  return split;
}

type ByTime = Extract<TrainingValidation, { method: "time_series" | "out_of_time" }>;
type ByHash = Exclude<TrainingValidation, ByTime>;

/** Whether the validation needs rows that have a time. */
export function isByTime(validation: TrainingValidation): validation is ByTime {
  return validation.method === "time_series" || validation.method === "out_of_time";
}

/** Whether a split by hash keeps the rows of this group from training. */
export function isKeptForTest(
  group: number,
  { test_share }: Pick<TrainingValidation, "test_share">,
): boolean {
  return shareOf(group, SALT.test) < test_share;
}

/** When the newest row happened that the finished model learns from or is stopped by; ms since 1970. */
export function newestLearned({ final }: DataSplit, timesMs: Float64Array | undefined): number | undefined {
  if (timesMs === undefined) return undefined;
  let newest = -Infinity;
  for (const part of [final.training, final.validation])
    for (const row of part) newest = Math.max(newest, timesMs[row] as number);
  return newest;
}

function splitByHash({ rows, groups }: SplitRows, validation: ByHash): DataSplit {
  const { validation_share } = validation;
  const placeOf = (row: number, salt: number): number => shareOf(groups[row] as number, salt);
  const [test, rest] = parted(allRows(rows), (row) => isKeptForTest(groups[row] as number, validation));
  const [stopping, training] = parted(rest, (row) => placeOf(row, SALT.validation) < validation_share);
  const final = { training, validation: stopping };
  if (validation.method === "holdout") return { final, test, folds: [final] };
  const foldOf = (row: number): number => Math.floor(placeOf(row, SALT.fold) * validation.folds);
  const folds = Array.from({ length: validation.folds }, (_, fold) => {
    const [held, others] = parted(rest, (row) => foldOf(row) === fold);
    return { training: others, validation: held };
  });
  return { final, test, folds };
}

function splitByTime({ rows, timesMs }: SplitRows, validation: ByTime): DataSplit {
  const { test_share, validation_share, embargo } = validation;
  if (timesMs === undefined) {
    const message = `${validation.method} needs the time of every row: name a time_column, or validate by holdout or k_fold`;
    throw fieldInvalid("validation", message);
  }
  const embargoMs = embargo === undefined ? 0 : (durationMs(embargo) ?? 0);
  const cut = (some: Uint32Array, share: number): [earlier: Uint32Array, later: Uint32Array] =>
    cutByTime(some, timesMs, 1 - share, embargoMs);
  const [rest, test] = cut(allRows(rows), test_share);
  const [training, stopping] =
    validation_share === 0 ? [rest, new Uint32Array(0)] : cut(rest, validation_share);
  const final = { training, validation: stopping };
  if (validation.method === "out_of_time") return { final, test, folds: [final] };
  const stretches = validation.folds + 1;
  const folds = Array.from({ length: validation.folds }, (_, fold) => {
    // what the fold may see, then the last stretch of it
    const seen = fold + 2 === stretches ? rest : cutByTime(rest, timesMs, (fold + 2) / stretches, 0)[0];
    const [earlier, later] = cutByTime(seen, timesMs, (fold + 1) / (fold + 2), embargoMs);
    return { training: earlier, validation: later };
  });
  return { final, test, folds };
}

/**
 * Rows before and from the moment at which `share` of them have passed, without those that are within the embargo of it.
 * All of one moment are later ones when the cut falls on it.
 */
function cutByTime(
  rows: Uint32Array,
  timesMs: Float64Array,
  share: number,
  embargoMs: number,
): [earlier: Uint32Array, later: Uint32Array] {
  const sorted = Float64Array.from(rows, (row) => timesMs[row] as number).sort();
  const atMs = sorted[Math.round(share * sorted.length)] ?? Infinity;
  const isLater = (row: number): boolean => (timesMs[row] as number) >= atMs;
  const [later, others] = parted(rows, isLater);
  return [others.filter((row) => (timesMs[row] as number) < atMs - embargoMs), later];
}

function allRows(rows: number): Uint32Array {
  return Uint32Array.from({ length: rows }, (_, row) => row);
}

function parted(rows: Uint32Array, isFirst: (row: number) => boolean): [Uint32Array, Uint32Array] {
  return [rows.filter(isFirst), rows.filter((row) => !isFirst(row))];
}

function checkParts({ final, test, folds }: DataSplit, validation: TrainingValidation): void {
  const remedy = isByTime(validation)
    ? "take a longer period, a smaller embargo, or other shares"
    : "take more rows or entities, other shares, or fewer folds";
  const refuse = (part: string): never => {
    throw fieldInvalid("validation", `${validation.method} leaves no rows for ${part}: ${remedy}`);
  };
  if (final.training.length === 0) refuse("training");
  if (test.length === 0) refuse("test");
  if (validation.validation_share > 0 && final.validation.length === 0) refuse("validation");
  for (const [at, fold] of folds.entries())
    if (fold !== final && (fold.training.length === 0 || fold.validation.length === 0))
      refuse(`fold ${at + 1}`);
}
