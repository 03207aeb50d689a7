/** Predictions, labels and performance reports in memory, which may fail as ClickHouse does, for tests of the rounds. */
import assert from "node:assert/strict";
import { pino } from "pino";
import type { LabelledQuestion, LabelPositions } from "../../engine/core/labelled-rows.ts";
import type { ModelManifest } from "../../engine/core/manifest.ts";
import type { WatchedErrors } from "../../engine/monitor/detectors/error-news.ts";
import type { ScoreTable } from "../../engine/monitor/detectors/score-watch.ts";
import {
  PerformanceMonitor,
  type PerformanceMonitorOptions,
} from "../../engine/monitor/performance/performance-monitor.ts";
import type { PerformanceObservation } from "../../engine/monitor/performance/performance-news.ts";
import type { DatedSpan } from "../../storage/dated-values.ts";
import type { VersionWindow } from "../../storage/performance-rows.ts";

const HOUR_MS = 3_600_000;
/** What says when a report was computed, and from what. */
const OF_COMPUTATION = new Set(["computation", "computed_date", "labels_epoch", "labels_seq"]);

export interface MemoryPrediction {
  readonly atMs: number;
  readonly score: number;
  readonly version?: string;
  readonly variant?: string;
}

interface Stored {
  readonly prediction: MemoryPrediction;
  readonly seq: number;
  readonly labels: { readonly seq: number; readonly label: number }[];
}

export type Report = Readonly<Record<string, unknown>>;

export class PerformanceTables {
  readonly reports: Report[] = [];
  readonly told: PerformanceObservation[] = [];
  readonly toldErrors: WatchedErrors[] = [];
  readonly #predictions: Stored[] = [];
  readonly #tokens = new Set<string>();
  #predictionSeq = 0;
  #labelSeq = 0;
  failure: "none" | "before" | "after" | "tell" | "tell errors" | "read" = "none";
  settings: unknown;
  champion: ModelManifest | undefined;
  nowMs = 0;
  usualShare: number | undefined;
  /** Questions that were asked. */
  asked = 0;

  predict(predictions: readonly MemoryPrediction[]): void {
    for (const prediction of predictions)
      this.#predictions.push({ prediction, seq: ++this.#predictionSeq, labels: [] });
  }

  /** The label of the prediction with this index. */
  label(at: number, label: number): void {
    this.#predictions[at]?.labels.push({ seq: ++this.#labelSeq, label });
  }

  monitor(): PerformanceMonitor {
    const { rows, reports } = this.#ports();
    return new PerformanceMonitor({
      rows,
      reports,
      errors: (upTo) => this.#errors(upTo),
      settingsOf: async () => this.settings,
      championOf: async () => this.champion,
      tell: async (observations) => {
        this.#fail("tell");
        this.told.push(...observations);
      },
      tellErrors: async (errors) => {
        this.#fail("tell errors");
        this.toldErrors.push(errors);
      },
      now: () => this.nowMs,
      logger: pino({ level: "silent" }),
    });
  }

  /** Those of kind errors, without what says when. */
  errors(): Report[] {
    return this.reports.filter(({ kind }) => kind === "errors").map(withoutComputation);
  }

  /** Of each window, variant, slice and metric what was computed last, without what says when. */
  latest(): Report[] {
    const numberOf = new Map<unknown, number>();
    for (const { kind, window_end, computation } of this.reports)
      if (kind === "window") numberOf.set(window_end, computation as number);
    return this.reports
      .filter(
        ({ kind, window_end, computation }) =>
          kind !== "window" && kind !== "errors" && numberOf.get(window_end) === computation,
      )
      .map(withoutComputation)
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }

  #fail(at: PerformanceTables["failure"]): void {
    if (this.failure !== at) return;
    this.failure = "none";
    throw new Error(`it failed: ${at}`);
  }

  /** Of a window, with the label that counts up to the position. */
  #window({
    version,
    fromMs,
    toMs,
    upTo,
  }: Omit<VersionWindow, "upTo"> & { readonly upTo?: LabelPositions | undefined }) {
    return this.#predictions.flatMap(({ prediction, seq, labels }) => {
      const { atMs, version: own = "1.0.0" } = prediction;
      if (own !== version || atMs < fromMs || atMs >= toMs) return [];
      if (seq > (upTo?.predictions.seq ?? Number.POSITIVE_INFINITY)) return [];
      const label = labels.findLast(
        (one) => one.seq <= (upTo?.labels.seq ?? Number.POSITIVE_INFINITY),
      )?.label;
      return [{ ...prediction, variant: prediction.variant ?? "", label }];
    });
  }

  #errors(upTo: LabelPositions): ScoreTable {
    const found = (span: DatedSpan) =>
      this.#window({ ...span, upTo }).filter(
        ({ variant, label }) => label !== undefined && variant === span.variant,
      );
    return {
      count: async (span) => found(span).length,
      read: async function* (this: void, span: DatedSpan) {
        const rows = found(span);
        yield {
          values: Float32Array.from(rows, ({ score, label }) => Number(score >= 0.5 !== (label === 1))),
          madeMs: Float64Array.from(rows, ({ atMs }) => atMs),
        };
      },
    };
  }

  #ports(): Pick<PerformanceMonitorOptions, "rows" | "reports"> {
    return {
      rows: {
        changed: async (_, sinceMs, from) => {
          this.#fail("read");
          const hours = this.#predictions
            .filter(
              ({ prediction, seq, labels }) =>
                prediction.atMs >= sinceMs &&
                (labels.some((one) => one.seq > from.labels.seq) ||
                  (labels.length > 0 && seq > from.predictions.seq)),
            )
            .map(({ prediction }) => Math.floor(prediction.atMs / HOUR_MS) * HOUR_MS);
          const positions = {
            labels: { epoch: 1, seq: this.#labelSeq },
            predictions: { epoch: 1, seq: this.#predictionSeq },
          };
          return { hoursMs: [...new Set(hours)].sort((a, b) => a - b), positions };
        },
        firstPredictionMs: async (_, version) =>
          this.#predictions.find(({ prediction }) => (prediction.version ?? "1.0.0") === version)?.prediction
            .atMs,
        labelsTotal: async () => this.#labelSeq,
        count: async (window) => {
          this.asked += 1;
          const found = this.#window(window);
          return [...new Set(found.map(({ variant }) => variant))].map((variant) => {
            const own = found.filter((one) => one.variant === variant);
            return {
              variant,
              rows: own.length,
              labelled: own.filter(({ label }) => label !== undefined).length,
            };
          });
        },
        labelled: async (question: LabelledQuestion) => {
          const found = this.#window(question).filter(
            ({ variant, label }) => label !== undefined && (question.variant ?? variant) === variant,
          );
          return {
            rows: found.length,
            isCut: false,
            predictedValue: Float32Array.from(found, ({ score }) => score),
            probabilities: Float32Array.from(found.flatMap(({ score }) => [1 - score, score])),
            predictedClass: Int16Array.from(found, ({ score }) => (score >= 0.5 ? 1 : 0)),
            label: Float64Array.from(found, ({ label }) => label ?? Number.NaN),
            slices: [],
          };
        },
        scores: async (question) =>
          Float32Array.from(
            this.#window(question).filter(({ variant }) => variant === question.variant),
            ({ score }) => score,
          ),
        pairs: async () => ({
          scores: new Float32Array(0),
          otherScores: new Float32Array(0),
          labels: new Float64Array(0),
        }),
      },
      reports: {
        insert: async (rows, token) => {
          this.#fail("before");
          assert.ok(!this.#tokens.has(token), `${token} is inserted twice`);
          this.#tokens.add(token);
          this.reports.push(...rows);
          this.#fail("after");
        },
        runningInserts: async () => 0,
        load: async (_, version) => this.#load(version),
        usualShare: async () => this.usualShare,
      },
    };
  }

  #load(version: string): Awaited<ReturnType<PerformanceMonitorOptions["reports"]["load"]>> {
    const windows = this.reports.filter(
      (row) => row["kind"] === "window" && row["model_version"] === version,
    );
    const latest = new Map(windows.map((row) => [row["window_end"] as number, row]));
    const last = windows.at(-1);
    const ofErrors = new Map(
      this.reports
        .filter((row) => row["kind"] === "errors" && row["model_version"] === version)
        .map((row) => [row["variant"] as string, row["state"] as string]),
    );
    return {
      windows: [...latest].map(([end, row]) => ({
        endMs: end * 1000,
        computedMs: Date.parse(row["computed_date"] as string),
        isMature: row["is_mature"] as boolean,
      })),
      computation: (last?.["computation"] as number | undefined) ?? 0,
      state: last?.["state"] as string | undefined,
      errors: [...ofErrors].map(([variant, state]) => ({ variant, state })),
    };
  }
}

function withoutComputation(row: Report): Report {
  return Object.fromEntries(Object.entries(row).filter(([column]) => !OF_COMPUTATION.has(column)));
}
