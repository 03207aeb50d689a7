/**
 * The rounds of performance: every window of every version once it is over, in order, none skipped, and again when its labels change.
 *
 *     window → rows and labels up to a position → metrics, slices, comparisons, or an estimate ─┬─ report, inserted whole → told
 *     window that is mature → errors of its labelled rows → streaming detectors (score-watch) ──┘
 *
 * A report carries how far all windows have come, so a round that was killed is done again from the last report that is stored; rows are
 * read up to a position of the streams, so the same computation gives the same numbers. What is told after a report is stored is
 * told once more after a start. While ClickHouse is away nothing is computed, and afterwards all that has passed.
 * Detectors read a window's errors once, when it is first found mature and unless they have read a later one: labels that come after
 * that change its metrics, and nothing that a detector has read or told.
 * Bounds: WINDOWS_PER_ROUND windows of a version in one round, VARIANTS_MAX variants of a window, rows by window-performance.
 */
import type { ChangedHours } from "../../../storage/changed-label-hours.ts";
import type { StoredPerformance } from "../../../storage/performance-store.ts";
import { messageOf } from "../../core/errors.ts";
import type { LabelPositions } from "../../core/labelled-rows.ts";
import type { Logger } from "../../core/log.ts";
import type { ModelManifest } from "../../core/manifest.ts";
import type { Proposal } from "../../retraining/retrain-proposal.ts";
import type { WatchedErrors } from "../detectors/error-news.ts";
import { type ScoreTable, type ScoreWatch, watchScores } from "../detectors/score-watch.ts";
import { type MonitorSettings, parseMonitorSettings } from "../monitor-settings.ts";
import { modelKindOf } from "../references/reference-document.ts";
import {
  estimatedStanding,
  type NewsSource,
  type PerformanceObservation,
  realisedStanding,
} from "./performance-news.ts";
import { PerformanceProgress, type PerformanceState } from "./performance-progress.ts";
import { toPerformanceRows } from "./performance-report.ts";
import type { PerformanceVersion, WindowRows } from "./performance-version.ts";
import {
  assessChampion,
  assessVariant,
  type VariantPerformance,
  type WindowTask,
} from "./window-performance.ts";

const WINDOWS_PER_ROUND = 50;
const VARIANTS_MAX = 20;
const NO_ERRORS: ReadonlyMap<string, ScoreWatch> = new Map();
/** Predictions in flight at the end of a window reach the log within this, unless NATS is away. */
const SLACK_MS = 5_000;

export interface PerformanceMonitorOptions {
  readonly rows: WindowRows & {
    changed(model: string, sinceMs: number, from: LabelPositions): Promise<ChangedHours>;
    firstPredictionMs(model: string, version: string, sinceMs: number): Promise<number | undefined>;
    labelsTotal(model: string): Promise<number>;
  };
  readonly reports: {
    insert(rows: readonly Readonly<Record<string, unknown>>[], token: string): Promise<void>;
    runningInserts(): Promise<number>;
    load(model: string, version: string, windowMs: number): Promise<StoredPerformance>;
    usualShare(model: string, windowMs: number, beforeMs: number): Promise<number | undefined>;
  };
  /** By how much labelled predictions were wrong, up to a position; `classes` are the version's, empty for a regression. */
  readonly errors: (upTo: LabelPositions, classes: readonly string[]) => ScoreTable;
  /** As somebody wrote them; undefined for the defaults. */
  readonly settingsOf: (model: string) => Promise<unknown>;
  /** The version in production; undefined when there is none. */
  readonly championOf: (model: string) => Promise<ModelManifest | undefined>;
  /** Told of each computation that is stored, unless it says nothing new; of the last one again after a start. */
  readonly tell: (observations: readonly PerformanceObservation[]) => Promise<void>;
  /** Told of each variant's errors that detectors have read, once they are stored; of the last ones again after a start. */
  readonly tellErrors: (errors: WatchedErrors) => Promise<void>;
  readonly now: () => number;
  readonly logger: Logger;
}

/** What a version's windows have in common in a round. */
interface Round {
  readonly version: PerformanceVersion;
  readonly progress: PerformanceProgress;
  readonly settings: MonitorSettings;
  readonly usualShare: number;
  readonly nowMs: number;
}

export class PerformanceMonitor {
  readonly #options: PerformanceMonitorOptions;
  readonly #progress = new Map<string, PerformanceProgress>();
  readonly #labels = new Map<string, number>();
  /** Of this round: versions of a model go in step, so one question does for all. */
  #changes = new Map<string, Promise<ChangedHours>>();

  constructor(options: PerformanceMonitorOptions) {
    this.#options = options;
  }

  /**
   * Computes windows that ended before `storedToMs`, predictions made until then being in ClickHouse, and windows whose labels changed.
   * What fails is tried again in the next round.
   */
  async round(versions: readonly PerformanceVersion[], storedToMs: number): Promise<void> {
    const nowMs = this.#options.now();
    this.#changes = new Map();
    this.#forget(versions);
    for (const version of versions) {
      const { name: model, version: number } = version.manifest;
      try {
        await this.#follow(version, storedToMs - SLACK_MS, nowMs);
      } catch (error) {
        this.#progress.delete(keyOf(model, number)); // whether a report was stored, the table knows
        const { logger } = this.#options;
        logger.warn(
          { err: messageOf(error), model, version: number },
          "performance cannot be measured now, trying again",
        );
      }
    }
    await this.#countLabels(versions);
  }

  /**
   * Reasons to retrain, of the newest mature window and of the newest estimate of each of these versions, and how many labels
   * there are. They hold until later windows say something else: propose them every round.
   */
  proposals(model: string, versions: Iterable<string>): Proposal[] {
    const labelsTotal = this.#labels.get(model);
    const labels: Proposal[] =
      labelsTotal === undefined ? [] : [{ cause: "labels", labelsTotal, windows: [], referenceId: null }];
    const found = [...versions].flatMap((version) => {
      const { realised, estimated } = this.#progress.get(keyOf(model, version)) ?? {};
      return [...(realised?.proposals ?? []), ...(estimated?.proposals ?? [])];
    });
    return [...labels, ...found];
  }

  /** Values of the newest mature window and of the newest estimate of each version. */
  latest(): PerformanceObservation[] {
    return [...this.#progress.values()].flatMap(({ realised, estimated }) => [
      ...(realised?.observations ?? []),
      ...(estimated?.observations ?? []),
    ]);
  }

  /** What detectors found last among the errors of each variant. */
  latestErrors(): WatchedErrors[] {
    return [...this.#progress].flatMap(([key, { errors }]) => {
      const [model = "", version = ""] = key.split("\n");
      return [...errors].map(([variant, watch]) => watchedErrors(model, version, variant, watch));
    });
  }

  #forget(versions: readonly PerformanceVersion[]): void {
    const keys = new Set(versions.map(({ manifest }) => keyOf(manifest.name, manifest.version)));
    const models = new Set(versions.map(({ manifest }) => manifest.name));
    for (const key of this.#progress.keys()) if (!keys.has(key)) this.#progress.delete(key);
    for (const model of this.#labels.keys()) if (!models.has(model)) this.#labels.delete(model);
  }

  async #countLabels(versions: readonly PerformanceVersion[]): Promise<void> {
    const { rows, logger } = this.#options;
    for (const model of new Set(versions.map(({ manifest }) => manifest.name))) {
      try {
        this.#labels.set(model, await rows.labelsTotal(model));
      } catch (error) {
        logger.warn({ err: messageOf(error), model }, "labels cannot be counted now, trying again");
      }
    }
  }

  async #follow(version: PerformanceVersion, untilMs: number, nowMs: number): Promise<void> {
    const { reports, settingsOf } = this.#options;
    const { name: model } = version.manifest;
    const settings = parseMonitorSettings(await settingsOf(model));
    const { performanceWindowMs: windowMs, performance } = settings;
    const progress = await this.#progressOf(version, windowMs);
    const sinceMs = Math.floor((nowMs - performance.horizonMs) / windowMs) * windowMs;
    const isFirst = progress.lastEndMs === undefined;
    const { hoursMs, positions } = await this.#changed(model, isFirst ? nowMs : sinceMs, progress.asked);
    progress.note(hoursMs, positions);
    const matureBeforeMs = nowMs - performance.matureAfterMs;
    progress.age(matureBeforeMs, sinceMs);
    const due = [...(await this.#newWindows(version, progress, sinceMs, untilMs)), ...progress.due(nowMs)];
    if (due.length === 0) return;
    const usualShare = (await reports.usualShare(model, windowMs, matureBeforeMs)) ?? 1;
    const round = { version, progress, settings, usualShare, nowMs };
    for (const endMs of due.slice(0, WINDOWS_PER_ROUND)) await this.#compute(round, endMs);
  }

  async #changed(model: string, sinceMs: number, from: LabelPositions): Promise<ChangedHours> {
    const key = JSON.stringify([model, sinceMs, from]);
    const changes = this.#changes.get(key) ?? this.#options.rows.changed(model, sinceMs, from);
    this.#changes.set(key, changes);
    return changes;
  }

  async #progressOf({ manifest }: PerformanceVersion, windowMs: number): Promise<PerformanceProgress> {
    const { reports, tell, tellErrors } = this.#options;
    const { name: model, version } = manifest;
    const key = keyOf(model, version);
    const known = this.#progress.get(key);
    if (known?.windowMs === windowMs) return known;
    if ((await reports.runningInserts()) > 0) throw new Error("an earlier report is still being inserted");
    const stored = await reports.load(model, version, windowMs);
    const state = stored.state === undefined ? undefined : (JSON.parse(stored.state) as PerformanceState);
    if (state !== undefined && state.told.length > 0) await tell(state.told);
    const errors = new Map(
      stored.errors.map(({ variant, state }) => [variant, JSON.parse(state) as ScoreWatch]),
    );
    for (const [variant, watch] of errors) await tellErrors(watchedErrors(model, version, variant, watch));
    const progress = new PerformanceProgress(windowMs, { ...stored, state, errors });
    this.#progress.set(key, progress);
    return progress;
  }

  /** Ends of the windows that are over and have no report yet, in order. */
  async #newWindows(
    { manifest }: PerformanceVersion,
    { lastEndMs, windowMs }: PerformanceProgress,
    sinceMs: number,
    untilMs: number,
  ): Promise<number[]> {
    const { rows } = this.#options;
    const lastMs = lastEndMs ?? (await rows.firstPredictionMs(manifest.name, manifest.version, sinceMs));
    if (lastMs === undefined) return [];
    const ends: number[] = [];
    for (
      let endMs = (Math.floor(lastMs / windowMs) + 1) * windowMs;
      endMs <= untilMs && ends.length < WINDOWS_PER_ROUND;
      endMs += windowMs
    )
      ends.push(endMs);
    return ends;
  }

  async #compute({ version, progress, settings, usualShare, nowMs }: Round, endMs: number): Promise<void> {
    const { reports, tell, tellErrors } = this.#options;
    const { manifest } = version;
    const { performance } = settings;
    const startMs = endMs - progress.windowMs;
    const { labelsMin, slices } = performance;
    const task = { version, fromMs: startMs, toMs: endMs, upTo: progress.asked, labelsMin, slices };
    const { variants, rows, labelled, championVersion } = await this.#assess(task);
    const isMature =
      labelled >= performance.matureShare * usualShare * rows || nowMs - endMs >= performance.matureAfterMs;
    const source: NewsSource = {
      model: manifest.name,
      version: manifest.version,
      kind: modelKindOf(manifest),
      referenceId: version.reference?.id ?? null,
      startMs,
      endMs,
      variants,
    };
    const errors = isMature ? await this.#watchErrors(task, variants, { progress, settings }) : NO_ERRORS;
    const realised = isMature ? realisedStanding(source) : undefined;
    const estimated = estimatedStanding(source);
    const state: PerformanceState = {
      settled: progress.settledWith(endMs),
      realised: newer(realised, progress.realised),
      estimated: newer(estimated, progress.estimated),
      told: [...(realised?.observations ?? []), ...(estimated?.observations ?? [])],
    };
    const computation = progress.computation + 1;
    const report = {
      version,
      startMs,
      endMs,
      computation,
      upTo: progress.asked,
      rows,
      labelled,
      isMature,
      championVersion,
      variants,
      errors,
      state: JSON.stringify(state),
    };
    const token = `performance:${manifest.name}:${manifest.version}:${computation}`;
    await reports.insert(toPerformanceRows(report, nowMs), token);
    progress.computed(endMs, { computedMs: nowMs, isMature });
    progress.realised = state.realised;
    progress.estimated = state.estimated;
    for (const [variant, watch] of errors) progress.errors.set(variant, watch);
    if (state.told.length > 0) await tell(state.told);
    for (const [variant, watch] of errors)
      await tellErrors(watchedErrors(manifest.name, manifest.version, variant, watch));
  }

  /** By variant, without those whose detectors have nothing to read, or have read this window or a later one. */
  async #watchErrors(
    { version: { manifest }, fromMs, toMs, upTo }: WindowTask,
    variants: readonly VariantPerformance[],
    { progress, settings }: Pick<Round, "progress" | "settings">,
  ): Promise<ReadonlyMap<string, ScoreWatch>> {
    const { errorDetectors } = settings;
    const table = this.#options.errors(upTo, manifest.classes ?? []);
    const read = new Map<string, ScoreWatch>();
    if (errorDetectors.length === 0) return read;
    for (const { variant, labelled } of variants) {
      const before = progress.errors.get(variant);
      if (labelled === 0 || (before?.fedToMs ?? 0) >= toMs) continue;
      const series = { model: manifest.name, version: manifest.version, variant };
      const window = { ...series, startMs: fromMs, endMs: toMs, isEmpty: false };
      read.set(variant, await watchScores(before, errorDetectors, window, table));
    }
    return read;
  }

  async #assess(task: WindowTask): Promise<{
    readonly variants: readonly VariantPerformance[];
    readonly rows: number;
    readonly labelled: number;
    readonly championVersion: string;
  }> {
    const { rows: tables, championOf, logger } = this.#options;
    const { name: model, version } = task.version.manifest;
    const { fromMs, toMs, upTo } = task;
    const counts = await tables.count({ model, version, fromMs, toMs, upTo });
    const largest = [...counts].sort((a, b) => b.rows - a.rows || (a.variant < b.variant ? -1 : 1));
    if (largest.length > VARIANTS_MAX)
      logger.warn({ model, version, variants: largest.length }, "the smallest variants are not measured");
    const labelled = counts.reduce((sum, count) => sum + count.labelled, 0);
    const manifest = labelled < task.labelsMin ? undefined : await championOf(model);
    const isOther = manifest !== undefined && manifest.version !== version;
    const champion = isOther ? await assessChampion(tables, task, manifest) : undefined;
    const variants: VariantPerformance[] = [];
    for (const { variant, rows: total, labelled } of largest.slice(0, VARIANTS_MAX))
      variants.push(await assessVariant(tables, { ...task, variant, total, labelled, champion }));
    return {
      variants: variants.sort((a, b) => (a.variant < b.variant ? -1 : 1)),
      rows: counts.reduce((sum, count) => sum + count.rows, 0),
      labelled,
      championVersion: champion?.manifest.version ?? "",
    };
  }
}

/** An old window that a late label changes is no news of how the version does now. */
function newer<S extends { readonly endMs: number }>(found: S | undefined, known: S | null): S | null {
  return found !== undefined && found.endMs >= (known?.endMs ?? 0) ? found : known;
}

function watchedErrors(
  model: string,
  version: string,
  variant: string,
  { latest }: ScoreWatch,
): WatchedErrors {
  return { model, version, variant: variant === "" ? null : variant, latest };
}

function keyOf(model: string, version: string): string {
  return `${model}\n${version}`;
}
