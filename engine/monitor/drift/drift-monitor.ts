/**
 * The rounds of drift: every window of every watched version, judged once it is over and counted, in order, none skipped.
 *
 *     counts of the window → measures → evidence → verdict → incidents ─┬─ report, inserted whole → told
 *     scores of the window → streaming detectors (score-watch) ─────────┘
 *
 * A report carries the states of incidents and of detectors, so a round that was killed is done again from the last report that is stored, with
 * the same result; what a report changed is told after it is stored, and once more after a start: whoever is told must
 * take it once by its id. While ClickHouse is away nothing is judged, and afterwards all windows that have passed.
 * Bound: WINDOWS_PER_ROUND windows of a version in one round.
 */
import { messageOf } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import { type ScoreTable, type ScoreWatch, watchScores } from "../detectors/score-watch.ts";
import { type MonitorSettings, parseMonitorSettings } from "../monitor-settings.ts";
import type { ReferenceProfile } from "../references/reference-profile.ts";
import type { WatchedVersion } from "./count-keeper.ts";
import { type SeriesState, toReportRows } from "./drift-report.ts";
import {
  createIncidentState,
  fold,
  type Incident,
  type IncidentChange,
  type IncidentState,
  isRetrainingVetoed,
} from "./incident.ts";
import {
  type BinCount,
  type MeasuredColumn,
  measureWindow,
  slotsByVariant,
  toEvidence,
  withCounts,
} from "./window-measures.ts";
import { judgeWindow, type WindowVerdict } from "./window-verdict.ts";

const WINDOWS_PER_ROUND = 200;
const IDLE_MS = 24 * 3_600_000;
const WEEK_MS = 7 * 86_400_000;
const SEASON_WEEKS = 4;
/** Predictions in flight at the end of a window reach the log within this, unless NATS is away. */
const SLACK_MS = 5_000;

type Span = readonly [startS: number, endS: number];

export interface DriftMonitorOptions {
  readonly counts: {
    sum(version: WatchedVersion, spans: readonly Span[]): Promise<BinCount[]>;
    firstPaneMs(version: WatchedVersion): Promise<number | undefined>;
  };
  readonly scores: ScoreTable;
  readonly reports: {
    insert(rows: readonly Readonly<Record<string, unknown>>[], token: string): Promise<void>;
    runningInserts(): Promise<number>;
    latest(
      model: string,
      version: string,
    ): Promise<readonly { readonly variant: string; readonly windowEndMs: number; readonly state: string }[]>;
  };
  /** As somebody wrote them; undefined for the defaults. */
  readonly settingsOf: (model: string) => Promise<unknown>;
  /** Told of each window that is stored, in order; the last one again after a start. */
  readonly tell: (window: JudgedWindow) => Promise<void>;
  readonly now: () => number;
  readonly logger: Logger;
}

export interface JudgedWindow {
  readonly state: IncidentState;
  readonly changes: readonly IncidentChange[];
  readonly scores: ScoreWatch | undefined;
  /** Undefined when it is told again after a start. */
  readonly verdict?: WindowVerdict;
  readonly measured?: readonly MeasuredColumn[];
}

export interface Findings {
  readonly incidents: readonly Incident[];
  /** Series with broken values in the latest windows. */
  readonly pending: readonly IncidentState[];
}

/** Where a version's reports have come to. */
interface Progress {
  endMs: number | undefined;
  /** Whether windows that are over are not judged yet. */
  isBehind: boolean;
  readonly states: Map<string, IncidentState>;
  readonly scores: Map<string, ScoreWatch>;
  /** By variant, of the last window that was judged here. */
  readonly latest: Map<string, WindowVerdict>;
}

export class DriftMonitor {
  readonly #options: DriftMonitorOptions;
  readonly #progress = new Map<string, Progress>();

  constructor(options: DriftMonitorOptions) {
    this.#options = options;
  }

  /**
   * Judges all windows that ended before `countedToMs`: predictions made until then are counted. What fails is tried again in
   * the next round.
   */
  async round(versions: readonly WatchedVersion[], countedToMs: number, signal?: AbortSignal): Promise<void> {
    for (const version of versions) {
      if (signal?.aborted === true) return;
      const key = `${version.model}\n${version.version}`;
      try {
        await this.#follow(version, key, countedToMs - SLACK_MS, signal);
      } catch (error) {
        this.#progress.delete(key); // whether a report was stored, the table knows
        const { model, version: number } = version;
        this.#options.logger.warn(
          { err: messageOf(error), model, version: number },
          "windows cannot be judged now, trying again",
        );
      }
    }
  }

  /** Bias-corrected PSI of each column that has one, in the last window of each variant. */
  latest({ model, version }: WatchedVersion): { variant: string; column: string; value: number }[] {
    const verdicts = this.#progress.get(`${model}\n${version}`)?.latest ?? new Map<string, WindowVerdict>();
    return [...verdicts].flatMap(([variant, { columns }]) =>
      columns.flatMap(({ column, psiCorrected }) =>
        psiCorrected === null ? [] : [{ variant, column, value: psiCorrected }],
      ),
    );
  }

  /**
   * What stands against or for retraining now: incidents that are open, and `pending` where values were broken lately though no
   * incident is open yet. Undefined as long as that is not known: before the version's first round, after one that failed,
   * and while windows of the past are judged. A series without predictions for IDLE_MS has no say.
   */
  findings({ model, version }: WatchedVersion): Findings | undefined {
    const progress = this.#progress.get(`${model}\n${version}`);
    if (progress === undefined || progress.isBehind) return undefined;
    const states = [...progress.states.values()].filter(
      ({ latest }) => latest !== null && (progress.endMs ?? 0) - latest.endMs < IDLE_MS,
    );
    const incidents = states.flatMap(({ causes }) =>
      Object.values(causes).flatMap(({ incident }) => (incident === null ? [] : [incident])),
    );
    const pending = states.filter(
      (state) => state.causes.data_quality.incident === null && isRetrainingVetoed(state),
    );
    return { incidents, pending };
  }

  async #follow(
    version: WatchedVersion,
    key: string,
    untilMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { counts, settingsOf } = this.#options;
    const settings = parseMonitorSettings(await settingsOf(version.model));
    let progress = this.#progress.get(key);
    if (progress === undefined) {
      progress = await this.#load(version);
      this.#progress.set(key, progress);
    }
    const { hopMs } = settings;
    progress.isBehind = true;
    let lastMs = progress.endMs ?? (await counts.firstPaneMs(version));
    for (let windows = 0; windows < WINDOWS_PER_ROUND; windows++) {
      if (signal?.aborted === true) return;
      const endMs = lastMs === undefined ? Infinity : (Math.floor(lastMs / hopMs) + 1) * hopMs;
      if (endMs > untilMs) {
        progress.isBehind = false;
        return;
      }
      await this.#judge(version, progress, settings, endMs);
      progress.endMs = endMs;
      lastMs = endMs;
    }
  }

  async #load({ model, version }: WatchedVersion): Promise<Progress> {
    const { reports, tell } = this.#options;
    if ((await reports.runningInserts()) > 0) throw new Error("an earlier report is still being inserted");
    const latest = await reports.latest(model, version);
    const states = new Map<string, IncidentState>();
    const watches = new Map<string, ScoreWatch>();
    for (const { variant, state: text } of latest) {
      const { scores, ...state } = JSON.parse(text) as SeriesState;
      states.set(variant, state);
      if (scores !== undefined) watches.set(variant, scores);
      await tell({ state, changes: state.latest?.changes ?? [], scores });
    }
    const ends = latest.map(({ windowEndMs }) => windowEndMs);
    return {
      endMs: ends.length === 0 ? undefined : Math.max(...ends),
      isBehind: true,
      states,
      scores: watches,
      latest: new Map(),
    };
  }

  async #judge(
    version: WatchedVersion,
    { states, scores: watches, latest }: Progress,
    settings: MonitorSettings,
    endMs: number,
  ): Promise<void> {
    const { reports, tell, now } = this.#options;
    const startMs = endMs - settings.windowMs;
    const slots = slotsByVariant(version.profile, await this.#sum(version, startMs, endMs));
    if (slots.size === 0) slots.set("", new Float64Array(slotsOf(version.profile)));
    const profile = await this.#profileFor(version, settings, startMs, endMs);
    const judged: JudgedWindow[] = [];
    const rows: Record<string, unknown>[] = [];
    for (const variant of [...slots.keys()].sort()) {
      const before = states.get(variant) ?? createIncidentState(seriesOf(version, variant));
      if (before.latest !== null && startMs <= before.latest.startMs) continue; // windows were made longer
      const counts = slots.get(variant) as Float64Array;
      const measured = measureWindow(profile, counts);
      const columns = toEvidence(measured, counts);
      const { referenceId } = version;
      const evidence = { ...seriesOf(version, variant), referenceId, startMs, endMs, columns };
      const verdict = judgeWindow(evidence, settings.drift);
      const isEmpty = counts.every((count) => count === 0);
      // nothing can be said of a window without predictions, so the series is left to grow idle
      const isSilent = isEmpty && !settings.drift.expects_data;
      const { state, changes } = isSilent
        ? { state: before, changes: [] }
        : fold(before, verdict, settings.drift);
      const { model, version: number } = version;
      const window = { model, version: number, variant, startMs, endMs, isEmpty };
      const scores = await watchScores(
        watches.get(variant),
        settings.detectors,
        window,
        this.#options.scores,
      );
      judged.push({ state, changes, scores, verdict, measured });
      rows.push(...toReportRows({ verdict, measured, state, scores }, now()));
    }
    if (rows.length === 0) return;
    await reports.insert(rows, `drift:${version.model}:${version.version}:${endMs}`);
    for (const window of judged) {
      const variant = window.state.variant ?? "";
      states.set(variant, window.state);
      if (window.scores !== undefined) watches.set(variant, window.scores);
      if (window.verdict !== undefined) latest.set(variant, window.verdict);
      await tell(window);
    }
  }

  /** The reference, or for a season its columns with the counts of the same hours of earlier weeks. */
  async #profileFor(
    version: WatchedVersion,
    { compareWith }: MonitorSettings,
    startMs: number,
    endMs: number,
  ): Promise<ReferenceProfile> {
    if (compareWith === "reference") return version.profile;
    const spans = Array.from({ length: SEASON_WEEKS }, (_, week) =>
      spanOf(startMs - (week + 1) * WEEK_MS, endMs - (week + 1) * WEEK_MS),
    );
    const counts = await this.#options.counts.sum(version, spans);
    const [slots] = slotsByVariant(
      version.profile,
      counts.map((count) => ({ ...count, variant: "" })),
    ).values();
    return withCounts(version.profile, slots ?? new Float64Array(slotsOf(version.profile)));
  }

  async #sum(version: WatchedVersion, startMs: number, endMs: number): Promise<BinCount[]> {
    return this.#options.counts.sum(version, [spanOf(startMs, endMs)]);
  }
}

function seriesOf(
  { model, version }: WatchedVersion,
  variant: string,
): { readonly model: string; readonly version: string; readonly variant: string | null } {
  return { model, version, variant: variant === "" ? null : variant };
}

function spanOf(startMs: number, endMs: number): Span {
  return [startMs / 1000, endMs / 1000];
}

function slotsOf({ columns }: ReferenceProfile): number {
  return columns.reduce((sum, { counts }) => sum + counts.length + 1, 0);
}
