/**
 * What others are told of streaming detectors that read the scores. They open no incident and request no retraining: a change
 * of the scores' mean is no reason yet.
 */
import type { Observation } from "../../alerts/observation.ts";
import type { JudgedWindow } from "../drift/drift-monitor.ts";
import { type ChangeEvent, toChangeEvents, toChangeObservations } from "./change-news.ts";

export function toScoreEvents({ state, scores }: JudgedWindow): ChangeEvent[] {
  if (scores === undefined) return [];
  const { model, version, variant } = state;
  const { latest } = scores;
  return toChangeEvents(state, latest, "predicted_value", [model, version, variant, latest.endMs]);
}

export function toScoreObservations({ state, scores }: JudgedWindow): Observation[] {
  return scores === undefined ? [] : toChangeObservations(state, scores.latest, "drift.detector");
}
