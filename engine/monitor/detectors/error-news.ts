/**
 * What others are told of streaming detectors that read the errors of labelled predictions. They open no incident and request
 * no retraining: that is for the window's metrics, which say how much worse it has become.
 */
import type { Observation } from "../../alerts/observation.ts";
import { type ChangeEvent, toChangeEvents, toChangeObservations, type WatchedSeries } from "./change-news.ts";
import type { ScoreNews } from "./score-watch.ts";

/** The errors of a variant in a window, once detectors have read them. */
export interface WatchedErrors extends WatchedSeries {
  readonly latest: ScoreNews;
}

export function toErrorEvents(watched: WatchedErrors): ChangeEvent[] {
  const { model, version, variant, latest } = watched;
  return toChangeEvents(watched, latest, "error", [model, version, variant, "error", latest.endMs]);
}

export function toErrorObservations(watched: WatchedErrors): Observation[] {
  return toChangeObservations(watched, watched.latest, "performance.detector");
}
