/**
 * Where the performance reports of a version have come to: which windows there are, and which are to be computed again.
 *
 *     no report ── window over ──▶ computed ── labels changed, or old enough to be mature ──▶ waiting ── pause over ──▶ computed
 *
 * Invariant: everything that came up to `settled` is in the reports of all windows; so whoever starts there misses nothing, and computes
 * a window once too often at most. Bound: the windows within the horizon.
 */
import type { LabelPositions } from "../../core/labelled-rows.ts";
import type { ScoreWatch } from "../detectors/score-watch.ts";
import type { PerformanceObservation, Standing } from "./performance-news.ts";

/** A window is computed again so many times in its own length at most. */
const TIMES_PER_WINDOW = 24;
const ZERO = { epoch: 0, seq: 0 } as const;
const NOWHERE: LabelPositions = { labels: ZERO, predictions: ZERO };

/** Stored with every computation, as JSON. */
export interface PerformanceState {
  readonly settled: LabelPositions;
  /** Of the newest mature window, and of the newest one that is estimated. */
  readonly realised: Standing | null;
  readonly estimated: Standing | null;
  /** What was told after the computation. */
  readonly told: readonly PerformanceObservation[];
}

interface ComputedWindow {
  readonly computedMs: number;
  readonly isMature: boolean;
}

export interface StoredProgress {
  readonly windows: readonly (ComputedWindow & { readonly endMs: number })[];
  readonly computation: number;
  readonly state: PerformanceState | undefined;
  /** By variant. */
  readonly errors: ReadonlyMap<string, ScoreWatch>;
}

export class PerformanceProgress {
  readonly windowMs: number;
  readonly #windows = new Map<number, ComputedWindow>();
  /** Ends of windows that wait, with the position from which on they may lack something; the oldest position first. */
  readonly #waiting = new Map<number, LabelPositions>();
  /** Number of the last computation. */
  computation: number;
  /** Changes up to here are computed, or wait. */
  asked: LabelPositions;
  lastEndMs: number | undefined;
  realised: Standing | null;
  estimated: Standing | null;
  /** Of each variant, which errors its detectors have read, and their states. */
  readonly errors: Map<string, ScoreWatch>;

  constructor(windowMs: number, { windows, computation, state, errors }: StoredProgress) {
    this.windowMs = windowMs;
    this.errors = new Map(errors);
    this.computation = computation;
    this.asked = state?.settled ?? NOWHERE;
    this.realised = state?.realised ?? null;
    this.estimated = state?.estimated ?? null;
    for (const { endMs, ...window } of windows) this.#windows.set(endMs, window);
    this.lastEndMs = windows.length === 0 ? undefined : Math.max(...this.#windows.keys());
  }

  /** Takes the hours whose labels changed up to `positions`. */
  note(hoursMs: readonly number[], positions: LabelPositions): void {
    for (const hourMs of hoursMs) this.#wait((Math.floor(hourMs / this.windowMs) + 1) * this.windowMs);
    this.asked = positions;
  }

  /** Windows that have become old enough to be mature without further labels wait too; those before `sinceMs` are forgotten. */
  age(matureBeforeMs: number, sinceMs: number): void {
    for (const [endMs, { isMature }] of this.#windows) {
      if (endMs <= sinceMs) {
        this.#windows.delete(endMs);
        this.#waiting.delete(endMs);
      } else if (!isMature && endMs <= matureBeforeMs) this.#wait(endMs);
    }
  }

  /** Ends of the windows that wait and were not computed lately, the oldest first. */
  due(nowMs: number): number[] {
    const pauseMs = this.windowMs / TIMES_PER_WINDOW;
    return [...this.#waiting.keys()]
      .filter((endMs) => nowMs - (this.#windows.get(endMs)?.computedMs ?? 0) >= pauseMs)
      .sort((a, b) => a - b);
  }

  /** Up to where all windows are computed once this one is. */
  settledWith(endMs: number): LabelPositions {
    for (const [waiting, from] of this.#waiting) if (waiting !== endMs) return from;
    return this.asked;
  }

  computed(endMs: number, window: ComputedWindow): void {
    this.computation += 1;
    this.#waiting.delete(endMs);
    this.#windows.set(endMs, window);
    this.lastEndMs = Math.max(endMs, this.lastEndMs ?? endMs);
  }

  /** What is not computed yet will take in what came; so will what waits already. */
  #wait(endMs: number): void {
    if (this.#windows.has(endMs) && !this.#waiting.has(endMs)) this.#waiting.set(endMs, this.asked);
  }
}
