/**
 * What others are told of the streaming detectors' alarms in a window: an event for each, and how many there were for alert
 * rules. They open no incident and request no retraining: a change of the scores' mean is no reason yet.
 *
 * All of it may be told again: ids follow from series, detector and place in the window.
 */

import type { Observation } from "../../alerts/observation.ts";
import { uuidText, writeUuidOf } from "../../core/uuid.ts";
import type { JudgedWindow } from "../drift/drift-monitor.ts";
import type { ScoreAlarm } from "./score-watch.ts";

export interface ScoreEvent {
  readonly kind: "change_detected";
  readonly id: string;
  readonly body: unknown;
}

export function toScoreEvents({ state, scores }: JudgedWindow): ScoreEvent[] {
  if (scores === undefined) return [];
  const { startMs, endMs, alarms } = scores.latest;
  const { model, version, variant } = state;
  return alarms.map(({ detector, atMs }: ScoreAlarm, place) => ({
    kind: "change_detected",
    id: eventId([model, version, variant, endMs, detector, place]),
    body: {
      model_name: model,
      model_version: version,
      variant,
      detector,
      column: "predicted_value",
      drift_at: new Date(atMs).toISOString(),
      window_start: new Date(startMs).toISOString(),
      window_end: new Date(endMs).toISOString(),
    },
  }));
}

/** Alarms of each detector that runs, 0 if there were none. */
export function toScoreObservations({ state, scores }: JudgedWindow): Observation[] {
  if (scores === undefined) return [];
  const { startMs: windowStart, endMs: windowEnd, counts } = scores.latest;
  const { model, version, variant } = state;
  return Object.entries(counts).map(([column, value]) => ({
    model,
    version,
    variant: variant ?? "",
    metric: "drift.detector",
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
