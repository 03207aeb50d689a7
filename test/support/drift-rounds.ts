/** A monitor of drift over counts in memory, an hour a window, with failures at every step of a round. */
import assert from "node:assert/strict";
import { pino } from "pino";
import { toScoreObservations } from "../../engine/monitor/detectors/score-news.ts";
import type { ScoreTable } from "../../engine/monitor/detectors/score-watch.ts";
import type { WatchedVersion } from "../../engine/monitor/drift/count-keeper.ts";
import { DriftMonitor, type JudgedWindow } from "../../engine/monitor/drift/drift-monitor.ts";
import { toObservations } from "../../engine/monitor/drift/drift-news.ts";
import type { ReportRow } from "../../engine/monitor/drift/drift-report.ts";
import type { BinCount } from "../../engine/monitor/drift/window-measures.ts";
import { buildProfile } from "../../engine/monitor/references/reference-builder.ts";

export const HOUR_MS = 3_600_000;
export const START_MS = Date.UTC(2026, 0, 5);
export const HOURS = 40;
export const DRIFT_FROM = 20;
const COLUMN = { name: "amount", role: "input", type: "number" } as const;
export const PROFILE = buildProfile(
  [COLUMN],
  new Map([["amount", Float32Array.from({ length: 5_000 }, (_, at) => at)]]),
);
export const VERSION: WatchedVersion = {
  model: "watched",
  version: "1.0.0",
  referenceId: "reference",
  profile: PROFILE,
  texts: [],
};

/** Rows of an hour: spread over all bins, from hour DRIFT_FROM on over the upper half only. Hour 7 has none. */
export function hourCounts(hour: number): BinCount[] {
  if (hour === 7 || hour < 0 || hour >= HOURS) return [];
  const bins = PROFILE.columns[0]?.counts.length ?? 0;
  const first = hour < DRIFT_FROM ? 1 : Math.floor(bins / 2);
  return Array.from({ length: bins - 1 - first }, (_, at) => ({
    variant: "",
    role: "input" as const,
    feature: "amount",
    bin: first + at,
    count: 60 + ((hour * 7 + at) % 5),
  }));
}

export const SCORES_PER_HOUR = 400;

/** The score of the prediction with this number, from the first hour on; from hour DRIFT_FROM on they are higher. */
function scoreOf(number: number): number {
  const hour = Math.floor(number / SCORES_PER_HOUR);
  return ((number * 7919) % 1000) / 1000 + (hour < DRIFT_FROM ? 0 : 1);
}

/** Scores of every hour that has counts, in chunks of some. */
class ScoresInMemory implements ScoreTable {
  /** Numbers of the predictions that were read, and how often a reading fails. */
  readonly fed: number[] = [];
  failures = 0;

  async count({ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }): Promise<number> {
    return this.#numbers(fromMs, toMs).length;
  }

  async *read({ fromMs, toMs }: { readonly fromMs: number; readonly toMs: number }, rows: number) {
    const numbers = this.#numbers(fromMs, toMs).slice(0, rows);
    for (let first = 0; first < numbers.length; first += 150) {
      if (first > 0 && this.failures-- > 0) throw new Error("ClickHouse went away");
      const part = numbers.slice(first, first + 150);
      this.fed.push(...part);
      yield {
        values: Float32Array.from(part, scoreOf),
        madeMs: Float64Array.from(part, (number) => madeMs(number)),
      };
    }
  }

  #numbers(fromMs: number, toMs: number): number[] {
    const numbers = Array.from({ length: HOURS * SCORES_PER_HOUR }, (_, number) => number);
    return numbers.filter((number) => madeMs(number) >= fromMs && madeMs(number) < toMs && hasRows(number));
  }
}

export function madeMs(number: number): number {
  return START_MS + (number * HOUR_MS) / SCORES_PER_HOUR;
}

export function hasRows(number: number): boolean {
  return Math.floor(number / SCORES_PER_HOUR) !== 7;
}

export class DriftRounds {
  readonly scores = new ScoresInMemory();
  readonly rows: ReportRow[] = [];
  readonly told: JudgedWindow[] = [];
  readonly #tokens = new Set<string>();
  failure: "none" | "before" | "after" | "tell" = "none";
  settings: unknown;
  countsOf: (hour: number) => BinCount[] = hourCounts;
  refusedOf: (hour: number) => number = () => 0;

  monitor(): DriftMonitor {
    return new DriftMonitor({
      counts: {
        sum: async (_, spans) =>
          spans.flatMap(([startS, endS]) => {
            const counts: BinCount[] = [];
            for (let at = startS * 1000; at < endS * 1000; at += HOUR_MS)
              counts.push(...this.countsOf((at - START_MS) / HOUR_MS));
            return counts;
          }),
        firstPaneMs: async () => START_MS,
      },
      refused: async (_, startMs) => this.refusedOf((startMs - START_MS) / HOUR_MS),
      scores: this.scores,
      reports: {
        insert: async (inserted, token) => {
          const rows = inserted as readonly ReportRow[];
          const failure = this.failure === "tell" ? "none" : this.failure;
          if (failure !== "none") this.failure = "none";
          if (failure === "before") throw new Error("ClickHouse is away");
          assert.ok(!this.#tokens.has(token), `${token} is inserted twice`);
          this.#tokens.add(token);
          this.rows.push(...rows);
          if (failure === "after") throw new Error("the answer was lost");
        },
        runningInserts: async () => 0,
        latest: async () => {
          const last = this.rows.findLast(({ role }) => role === "window");
          if (last === undefined) return [];
          const endS = last["window_end"];
          return [
            {
              variant: "",
              windowStartMs: Number(last["window_start"]) * 1000,
              windowEndMs: Number(endS) * 1000,
              state: String(last["state"]),
              rows: this.rows.filter((row) => row["window_end"] === endS),
            },
          ];
        },
      },
      settingsOf: async () => this.settings,
      tell: async (window) => {
        if (this.failure === "tell") {
          this.failure = "none";
          throw new Error("killed before it was told");
        }
        this.told.push(window);
      },
      now: () => 0,
      logger: pino({ level: "silent" }),
    });
  }
}

/** What alert rules are told, each once. */
export function observationsOf({ told }: DriftRounds): unknown[] {
  const all = told.flatMap((window) => [...toObservations(window), ...toScoreObservations(window)]);
  return [...new Set(all.map((one) => JSON.stringify(one)))].map((text) => JSON.parse(text) as unknown);
}

export function alarmsOf({ rows }: DriftRounds): unknown[] {
  return rows.flatMap((row) => (row["detector_alarms"] as unknown[] | undefined) ?? []);
}

export const END_MS = START_MS + HOURS * HOUR_MS + 20_000;
