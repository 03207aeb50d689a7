/**
 * One series of a group, counted by itself: whether the rule's condition held in k of its latest n windows.
 *
 *     quiet ──── k of the latest n windows are hits ────▶ active
 *       ▲                                                   │
 *       └──────── none of the latest n windows is a hit ────┘
 *
 * A window that was counted is never counted again. Bound: n marks.
 */
import assert from "node:assert/strict";
import { type AlertRule, holds } from "./alert-rule.ts";
import type { Observation, Severity } from "./observation.ts";

/** Start and end of a window, and whether the condition held in it. */
export type Mark = readonly [start: number, end: number, isHit: 0 | 1];

export interface SeriesTrack {
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  /** Empty for a metric that is not of a column. */
  readonly column: string;
  readonly windowMs: number;
  readonly isActive: boolean;
  /** Oldest first. */
  readonly marks: readonly Mark[];
  /** Of the latest window. */
  readonly windowStart: number;
  readonly windowEnd: number;
  readonly value: number;
  readonly severity: Severity;
  readonly about: string;
}

const COLUMN_ABOUT_MAX = 500;

export function isOf(track: SeriesTrack, observation: Observation): boolean {
  const { model, version, variant, column = "", windowStart, windowEnd } = observation;
  return (
    track.column === column &&
    track.version === version &&
    track.model === model &&
    track.variant === variant &&
    track.windowMs === windowEnd - windowStart
  );
}

/** The series after its next window. @param before undefined for its first. */
export function advance(
  before: SeriesTrack | undefined,
  observation: Observation,
  rule: AlertRule,
): SeriesTrack {
  const { model, version, variant, column = "", windowStart, windowEnd, value, about = "" } = observation;
  assert.ok(before === undefined || windowEnd > before.windowEnd, "a window is counted twice");
  const { needed, considered } = rule.persistence;
  const mark: Mark = [windowStart, windowEnd, holds(rule, value) ? 1 : 0];
  const marks = [...(before?.marks ?? []), mark].slice(-considered);
  const hits = marks.filter(([, , isHit]) => isHit === 1).length;
  return {
    model,
    version,
    variant,
    column,
    windowMs: windowEnd - windowStart,
    isActive: before?.isActive === true ? hits > 0 : hits >= needed,
    marks: hits > 0 ? marks : [],
    windowStart,
    windowEnd,
    value,
    severity: observation.severity ?? rule.severity,
    about: about.slice(0, COLUMN_ABOUT_MAX),
  };
}

/** The series with its evidence taken away; what was counted stays counted. */
export function cleared(track: SeriesTrack): SeriesTrack {
  return track.marks.length === 0 && !track.isActive ? track : { ...track, isActive: false, marks: [] };
}

/** Whether the condition held in the latest window. */
export function isHit({ marks }: SeriesTrack): boolean {
  return marks.at(-1)?.[2] === 1;
}

/** The earliest window that counts. */
export function firstHit({
  marks,
}: SeriesTrack): { readonly start: number; readonly end: number } | undefined {
  const mark = marks.find(([, , isHit]) => isHit === 1);
  return mark === undefined ? undefined : { start: mark[0], end: mark[1] };
}
