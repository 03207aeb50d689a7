/**
 * What a monitor of drift works on, in memory: counts of dated rows, and the reports that it inserts. Rows are those of a model
 * of two classes, "0" and "1", as the `elec` fixture is.
 */
import { pino } from "pino";
import type { ScoreTable } from "../../engine/monitor/detectors/score-watch.ts";
import { BinCounter } from "../../engine/monitor/drift/bin-counter.ts";
import { DriftMonitor, type JudgedWindow } from "../../engine/monitor/drift/drift-monitor.ts";
import type { BinCount } from "../../engine/monitor/drift/window-measures.ts";
import type { ColumnValues } from "../../engine/monitor/references/reference-builder.ts";
import type { ReferenceProfile, WatchedColumn } from "../../engine/monitor/references/reference-profile.ts";

export const THRESHOLD = 0.5;

export interface ScoredRow {
  readonly features: Readonly<Record<string, number>>;
  /** Probability of the class 1. */
  readonly score: number;
}

export interface DatedRow extends ScoredRow {
  readonly dateMs: number;
}

const NO_SCORES: ScoreTable = {
  count: async () => 0,
  read: async function* () {},
};

export class DriftTables {
  readonly told: JudgedWindow[] = [];
  /** As they go into `drift_reports`. */
  readonly reports: Readonly<Record<string, unknown>>[] = [];
  readonly #profile: ReferenceProfile;
  readonly #rows: readonly DatedRow[];

  /** @param rows in the order of their dates. */
  constructor(profile: ReferenceProfile, rows: readonly DatedRow[]) {
    this.#profile = profile;
    this.#rows = rows;
  }

  monitor(settings: unknown, scores: ScoreTable = NO_SCORES): DriftMonitor {
    return new DriftMonitor({
      counts: {
        sum: async (_, spans) =>
          spans.flatMap(([startS, endS]) =>
            countRows(
              this.#profile,
              this.#rows.filter(({ dateMs }) => startS * 1000 <= dateMs && dateMs < endS * 1000),
            ),
          ),
        firstPaneMs: async () => this.#rows[0]?.dateMs,
      },
      refused: async () => 0,
      scores,
      reports: {
        insert: async (rows) => {
          this.reports.push(...rows);
        },
        runningInserts: async () => 0,
        latest: async () => [],
      },
      settingsOf: async () => settings,
      tell: async (window) => {
        this.told.push(window);
      },
      now: () => 0,
      logger: pino({ level: "silent" }),
    });
  }
}

/** Rows in the bins of the profile, as `feature_counts` would have them. */
export function countRows(profile: ReferenceProfile, rows: readonly ScoredRow[]): BinCount[] {
  const counter = new BinCounter(profile);
  return profile.columns.flatMap(({ name: feature, role, counts }, at) => {
    const bins = new Float64Array(counts.length + 1);
    const start = counter.starts[at] as number;
    for (const row of rows) {
      const bin = counter.slotOf(at, valueOf(row, feature)) - start;
      bins[bin] = (bins[bin] as number) + 1;
    }
    return [...bins].flatMap((count, bin) =>
      count === 0 ? [] : [{ variant: "", role, feature, bin, count }],
    );
  });
}

/** Values of the rows, by column, as a reference takes them. */
export function columnValues(rows: readonly ScoredRow[]): Map<string, ColumnValues> {
  return new Map(
    columnsOf(rows).map(({ name, type }) => [
      name,
      type === "number"
        ? Float32Array.from(rows, (row) => Number(valueOf(row, name)))
        : rows.map((row) => String(valueOf(row, name))),
    ]),
  );
}

/** What is watched of a model with these rows: its inputs and both outputs. */
export function columnsOf([first]: readonly ScoredRow[]): WatchedColumn[] {
  return [
    ...Object.keys(first?.features ?? {}).map((name) => ({ name, role: "input", type: "number" }) as const),
    { name: "predicted_value", role: "output", type: "number" },
    { name: "predicted_class", role: "output", type: "category" },
  ];
}

function valueOf({ features, score }: ScoredRow, column: string): number | string {
  if (column === "predicted_value") return score;
  if (column === "predicted_class") return score >= THRESHOLD ? "1" : "0";
  return Math.fround(features[column] as number);
}
