/**
 * Rows that may judge two versions: those that neither has learned from. The challenger's test rows are its own by its split; the
 * champion's training tells which of them it has seen.
 *
 *     ──────── champion learned ────────┤ trained_until
 *              ─────── challenger learned ────────┤ test rows ──▶      by time: all are unseen
 *     ─── test row ── test row ─────────┤ test row ── test row ──▶     else: those after trained_until
 *     ─── kept ────── kept ── kept ── kept ──▶                         both by the same hash: those that the champion kept too
 */
import type { TrainingSource } from "../core/training-lineage.ts";
import type { TrainingValidation } from "../core/training-validation.ts";
import { isByTime, isKeptForTest } from "./data/splits.ts";
import type { TrainingTable } from "./data/training-table.ts";
import { type RowsRemembered, rowsRemembered } from "./remembered-training.ts";

export interface UnseenRows {
  /** Which of the test rows the champion has not seen; undefined for all of them. */
  readonly rows: Uint32Array | undefined;
  /** Whether the champion may have seen any of them: it learned from rows of the same kind, and neither times nor hashes tell which. */
  readonly isUntold: boolean;
}

/** Also all of them where nothing tells what the champion learned from. */
export function unseenRows(
  championFiles: ReadonlyMap<string, Uint8Array> | undefined,
  validation: TrainingValidation,
  source: TrainingSource,
  { groups, timesMs }: Pick<TrainingTable, "groups" | "timesMs">,
): UnseenRows {
  const remembered = rowsRemembered(championFiles);
  if (remembered === undefined) return { rows: undefined, isUntold: false };
  const { validation: former, untilMs } = remembered;
  const isSameHash = !isByTime(validation) && !isByTime(former) && isSameGrouping(remembered, source);
  const isByTimes = timesMs !== undefined && untilMs !== undefined;
  if (!isSameHash && !isByTimes)
    return { rows: undefined, isUntold: remembered.source.source === source.source };
  const unseen = Uint32Array.from(groups.keys()).filter(
    (row) =>
      (isSameHash && isKeptForTest(groups[row] as number, former)) ||
      (isByTimes && (timesMs[row] as number) > untilMs),
  );
  return { rows: unseen.length === groups.length ? undefined : unseen, isUntold: false };
}

/** What is one group to the one is one to the other, of the same hash. */
function isSameGrouping({ source: former }: RowsRemembered, source: TrainingSource): boolean {
  if (former.source !== source.source) return false;
  return (
    source.source === "labelled" || JSON.stringify(former.grouped_by) === JSON.stringify(source.grouped_by)
  );
}
