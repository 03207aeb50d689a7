/**
 * Persistence of one column over the windows in which it was judged: k of n to get in, m quiet ones in a row to get out.
 *
 *     watching ──── k of the latest n windows hit ────▶ active
 *        ▲                                                │
 *        └──────── m windows in a row were quiet ─────────┘   the evidence starts anew
 *
 * A window between hit and quiet counts as one of the n, and breaks a row of quiet ones. A window that could not be judged
 * is not given to this at all, so it counts neither for nor against: those on its two sides are neighbours, however long
 * ago the earlier one was. Bound: n marks.
 */
import assert from "node:assert/strict";

export const LEVELS = { none: 0, warning: 1, critical: 2 } as const;
export type Level = keyof typeof LEVELS;

export interface Mark {
  readonly startMs: number;
  readonly level: Level;
}

export interface Track {
  readonly isActive: boolean;
  /** Oldest first, at most n. */
  readonly marks: readonly Mark[];
  /** In a row, up to now; 0 unless active. */
  readonly quietWindows: number;
}

export interface Persistence {
  readonly needed: number;
  readonly considered: number;
  readonly quiet: number;
}

export const WATCHING: Track = { isActive: false, marks: [], quietWindows: 0 };

/** @param isQuiet whether the window counts towards leaving; never true of a hit. */
export function advance(track: Track, mark: Mark, isQuiet: boolean, persistence: Persistence): Track {
  assert.ok(mark.level === "none" || !isQuiet, "a window is a hit and quiet");
  assert.ok(mark.startMs > (track.marks.at(-1)?.startMs ?? -Infinity), "a window is counted twice");
  const marks = [...track.marks, mark].slice(-persistence.considered);
  const next = track.isActive
    ? { isActive: true, marks, quietWindows: isQuiet ? track.quietWindows + 1 : 0 }
    : { isActive: hasReached(marks, "warning", persistence), marks, quietWindows: 0 };
  return next.quietWindows >= persistence.quiet ? WATCHING : next;
}

/** Whether k of the marks are at the level or above. */
export function hasReached(
  marks: readonly Mark[],
  level: Level,
  { needed }: Pick<Persistence, "needed">,
): boolean {
  return marks.filter((mark) => LEVELS[mark.level] >= LEVELS[level]).length >= needed;
}

/** Start of the earliest hit that is remembered. */
export function firstHitMs({ marks }: Track): number | undefined {
  return marks.find(({ level }) => level !== "none")?.startMs;
}
