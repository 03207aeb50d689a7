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
import { evidenceName } from "./column-name.ts";
import type { WatchedVersion } from "./count-keeper.ts";
import { type ReportRow, type SeriesState, toReportRows } from "./drift-report.ts";
import {
  createIncidentState,
  fold,
  type Incident,
  type IncidentChange,
  type IncidentState,
  isRetrainingVetoed,
} from "./incident.ts";
import type { SumCounts } from "./season-reference.ts";
import type { MeasuredColumn } from "./window-measures.ts";
import { judgeSeries, readWindow, variantsIn, type WindowTables } from "./window-series.ts";
import type { WindowVerdict } from "./window-verdict.ts";

const WINDOWS_PER_ROUND = 200;
const IDLE_MS = 24 * 3_600_000;
/**
 * Predictions in flight at the end of a window reach the log within this, and refused requests their table, which data planes
 * report every five seconds; unless NATS is away.
 */
const SLACK_MS = 15_000;

export interface DriftMonitorOptions {
  readonly counts: {
    readonly sum: SumCounts;
    firstPaneMs(version: WatchedVersion): Promise<number | undefined>;
  };
  readonly refused: WindowTables["refused"];
  readonly scores: ScoreTable;
  readonly reports: {
    insert(rows: readonly Readonly<Record<string, unknown>>[], token: string): Promise<void>;
    runningInserts(): Promise<number>;
    latest(model: string, version: string): Promise<readonly LatestReport[]>;
  };
  /** As somebody wrote them; undefined for the defaults. */
  readonly settingsOf: (model: string) => Promise<unknown>;
  /** Told of each window that is stored, in order; the last one again after a start. */
  readonly tell: (window: JudgedWindow) => Promise<void>;
  readonly now: () => number;
  readonly logger: Logger;
}

/** The last report of a variant, as it is stored. */
export interface LatestReport {
  readonly variant: string;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  readonly state: string;
  readonly rows: readonly ReportRow[];
}

export interface JudgedWindow {
  readonly startMs: number;
  readonly endMs: number;
  readonly state: IncidentState;
  readonly changes: readonly IncidentChange[];
  readonly scores: ScoreWatch | undefined;
  /** As they are stored: the same when the window is told again. */
  readonly report: readonly ReportRow[];
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
  /** By variant, of the last window. */
  readonly latest: Map<string, readonly ReportRow[]>;
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
    const reports = this.#progress.get(`${model}\n${version}`)?.latest ?? new Map<string, ReportRow[]>();
    return [...reports].flatMap(([variant, rows]) =>
      rows.flatMap(({ role, feature, psi_corrected }) =>
        typeof psi_corrected === "number"
          ? [{ variant, column: evidenceName({ role, name: feature }), value: psi_corrected }]
          : [],
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

  /** The window that was stored last is told again: whoever stored it may have ended before it was told whole. */
  async #load({ model, version }: WatchedVersion): Promise<Progress> {
    const { reports, tell } = this.#options;
    if ((await reports.runningInserts()) > 0) throw new Error("an earlier report is still being inserted");
    const found = await reports.latest(model, version);
    const lastMs = Math.max(...found.map(({ windowEndMs }) => windowEndMs));
    const progress: Progress = {
      endMs: found.length === 0 ? undefined : lastMs,
      isBehind: true,
      states: new Map(),
      scores: new Map(),
      latest: new Map(),
    };
    for (const { variant, windowStartMs: startMs, windowEndMs: endMs, state: text, rows: report } of found) {
      const { scores, ...state } = JSON.parse(text) as SeriesState;
      progress.states.set(variant, state);
      if (scores !== undefined) progress.scores.set(variant, scores);
      if (endMs < lastMs) continue; // told before the windows behind it were judged
      progress.latest.set(variant, report);
      const changes = state.latest?.endMs === endMs ? state.latest.changes : [];
      await tell({ startMs, endMs, state, changes, scores, report });
    }
    return progress;
  }

  async #judge(
    version: WatchedVersion,
    { states, scores: watches, latest }: Progress,
    settings: MonitorSettings,
    endMs: number,
  ): Promise<void> {
    const { counts, refused, reports, tell, now } = this.#options;
    const startMs = endMs - settings.windowMs;
    const window = await readWindow(
      { sum: counts.sum.bind(counts), refused },
      version,
      settings,
      startMs,
      endMs,
    );
    const judged: JudgedWindow[] = [];
    for (const variant of variantsIn(window)) {
      const before = states.get(variant) ?? createIncidentState(seriesOf(version, variant));
      if (before.latest !== null && startMs <= before.latest.startMs) continue; // windows were made longer
      const { verdict, measured, isIdle, isEmpty } = judgeSeries(window, variant, settings);
      // nothing can be said of a window without predictions, so the series is left to grow idle
      const { state, changes } =
        isIdle && !settings.drift.expects_data
          ? { state: before, changes: [] }
          : fold(before, verdict, settings.drift);
      const { model, version: number } = version;
      const scores = await watchScores(
        watches.get(variant),
        settings.detectors,
        { model, version: number, variant, startMs, endMs, isEmpty },
        this.#options.scores,
      );
      const report = toReportRows({ verdict, measured, state, scores }, now());
      judged.push({ startMs, endMs, state, changes, scores, report, verdict, measured });
    }
    if (judged.length === 0) return;
    await reports.insert(
      judged.flatMap(({ report }) => report),
      `drift:${version.model}:${version.version}:${endMs}`,
    );
    for (const one of judged) {
      const variant = one.state.variant ?? "";
      states.set(variant, one.state);
      if (one.scores !== undefined) watches.set(variant, one.scores);
      latest.set(variant, one.report);
      await tell(one);
    }
  }
}

function seriesOf(
  { model, version }: WatchedVersion,
  variant: string,
): { readonly model: string; readonly version: string; readonly variant: string | null } {
  return { model, version, variant: variant === "" ? null : variant };
}
