/**
 * What others are told of the alarms of streaming detectors in a window of a series: an event for each, and how many there
 * were, for alert rules.
 *
 * All of it may be told again: ids follow from series, window, what was read, detector and place.
 */
import type { Observation, ObservedMetric } from "../../alerts/observation.ts";
import { uuidText, writeUuidOf } from "../../core/uuid.ts";
import type { ScoreNews } from "./score-watch.ts";

export interface ChangeEvent {
  readonly kind: "change_detected";
  readonly id: string;
  readonly body: unknown;
}

export interface WatchedSeries {
  readonly model: string;
  readonly version: string;
  /** Of an experiment, or null. */
  readonly variant: string | null;
}

/** @param idOf what an alarm's id follows from, its detector and place apart. */
export function toChangeEvents(
  { model, version, variant }: WatchedSeries,
  { startMs, endMs, alarms }: ScoreNews,
  column: string,
  idOf: readonly (string | number | null)[],
): ChangeEvent[] {
  return alarms.map(({ detector, atMs }, place) => ({
    kind: "change_detected",
    id: eventId([...idOf, detector, place]),
    body: {
      model_name: model,
      model_version: version,
      variant,
      detector,
      column,
      drift_at: new Date(atMs).toISOString(),
      window_start: new Date(startMs).toISOString(),
      window_end: new Date(endMs).toISOString(),
    },
  }));
}

/** Alarms of each detector that runs, 0 if there were none. */
export function toChangeObservations(
  { model, version, variant }: WatchedSeries,
  { startMs: windowStart, endMs: windowEnd, counts }: ScoreNews,
  metric: ObservedMetric,
): Observation[] {
  return Object.entries(counts).map(([column, value]) => ({
    model,
    version,
    variant: variant ?? "",
    metric,
    column,
    value,
    windowStart,
    windowEnd,
  }));
}

function eventId(parts: readonly (string | number | null)[]): string {
  const bytes = new Uint8Array(16);
  writeUuidOf(bytes, 0, JSON.stringify(parts));
  return `change:${uuidText(bytes, 0)}`;
}
