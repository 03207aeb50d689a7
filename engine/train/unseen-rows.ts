/**
 * Rows that may judge two versions: those that neither has learned from. The challenger's test rows are its own by its split; the
 * champion's training tells which of them it has seen.
 *
 *     ──────── champion learned ────────┤ trained_until
 *              ─────── challenger learned ────────┤ test rows ──▶      by time: all are unseen
 *     ─── test row ── test row ─────────┤ test row ── test row ──▶     else: those after trained_until
 */
import type { TrainingValidation } from "../core/training-validation.ts";
import { isByTime } from "./data/splits.ts";
import { rowsRemembered } from "./training-record.ts";

/**
 * Which of the test rows the champion has not seen; undefined for all of them: it was split by the same hash, so that what was kept from
 * one is kept from the other, or nothing tells what it learned from.
 * @param timesMs of the test rows.
 */
export function unseenRows(
  championFiles: ReadonlyMap<string, Uint8Array> | undefined,
  validation: TrainingValidation,
  timesMs: Float64Array | undefined,
): Uint32Array | undefined {
  const remembered = rowsRemembered(championFiles);
  if (remembered === undefined || timesMs === undefined) return undefined;
  const { validation: former, untilMs } = remembered;
  const isKeptByHash =
    !isByTime(validation) && !isByTime(former) && former.test_share >= validation.test_share;
  if (isKeptByHash) return undefined;
  const rows = Uint32Array.from(timesMs, (_, row) => row);
  const unseen = rows.filter((row) => (timesMs[row] as number) > untilMs);
  return unseen.length === rows.length ? undefined : unseen;
}
