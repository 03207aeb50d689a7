/**
 * `GET /monitoring/{model}/performance`: how good the versions of a model were, window by window, as it was computed last.
 *
 * Bound: ROWS_MAX values; who asks for more is told to ask for less.
 */
import type { HttpRequest } from "uWebSockets.js";
import type { PerformanceQuestion, PerformanceRow } from "../../storage/performance-store.ts";
import { performanceAnswer, performanceQuery } from "../contract/performance.ts";
import { fieldInvalid } from "../core/errors.ts";
import type { Route } from "./http-server.ts";
import { modelNameIn, namePath } from "./path-name.ts";
import { queryIn } from "./query.ts";

export interface PerformanceRoutesOptions {
  readonly readPerformance: (question: PerformanceQuestion) => Promise<readonly PerformanceRow[]>;
  /** @throws EngineError MODEL_NOT_FOUND. */
  readonly checkModel: (name: string) => Promise<unknown>;
  readonly clock: () => number;
}

const ROWS_MAX = 10_000;
const DEFAULT_MS = 30 * 86_400_000;

export function performanceRoutes({ readPerformance, checkModel, clock }: PerformanceRoutesOptions): Route[] {
  return [
    {
      method: "get",
      path: "/monitoring/:model/performance",
      describes: {
        tag: "Monitoring",
        summary: "How good a model was, window by window",
        path: { model: namePath },
        query: performanceQuery,
        answers: { 200: performanceAnswer },
        errors: ["MODEL_NOT_FOUND", "SERVICE_UNAVAILABLE"],
      },
      handle: (exchange, req) => {
        const model = modelNameIn(req);
        const question = { model, ...parseQuery(req, clock()), rowsMax: ROWS_MAX };
        exchange.guardAsync(async () => {
          await checkModel(model);
          const rows = await readPerformance(question);
          if (rows.length > ROWS_MAX)
            throw fieldInvalid(
              "from",
              `leaves more than ${ROWS_MAX} values: ask for less time, one version, metric or slice`,
            );
          exchange.sendJson(JSON.stringify(toJson(question, rows)));
        });
      },
    },
  ];
}

function parseQuery(req: HttpRequest, nowMs: number): Omit<PerformanceQuestion, "model" | "rowsMax"> {
  const { from, to = nowMs, ...rest } = queryIn(req, performanceQuery);
  const fromMs = from ?? Math.max(0, to - DEFAULT_MS);
  if (fromMs >= to) throw fieldInvalid("from", "must be before to");
  return { ...rest, fromMs, toMs: to };
}

/** Of each version, variant and kind the newest report. */
export function newestReports(rows: readonly PerformanceRow[]): Record<string, unknown>[] {
  const newest = new Map<string, number>();
  const keyOf = ({ model_version, variant, kind }: PerformanceRow): string =>
    JSON.stringify([model_version, variant, kind]);
  for (const row of rows) newest.set(keyOf(row), Math.max(newest.get(keyOf(row)) ?? 0, row.window_end));
  return reportsJson(rows.filter((row) => row.window_end === newest.get(keyOf(row))));
}

function toJson(
  { model, fromMs, toMs }: PerformanceQuestion,
  rows: readonly PerformanceRow[],
): Record<string, unknown> {
  return { model_name: model, from: isoOf(fromMs), to: isoOf(toMs), reports: reportsJson(rows) };
}

function reportsJson(rows: readonly PerformanceRow[]): Record<string, unknown>[] {
  const reports = new Map<string, { readonly head: unknown; readonly metrics: Record<string, unknown> }>();
  for (const row of rows) {
    const { window_start, window_end, model_version, variant, kind, slice } = row;
    const key = JSON.stringify([window_start, window_end, model_version, variant, kind, slice]);
    const report = reports.get(key) ?? { head: headOf(row), metrics: {} };
    report.metrics[row.metric] = metricOf(row);
    reports.set(key, report);
  }
  return [...reports.values()].map(({ head, metrics }) => ({ ...(head as object), metrics }));
}

function headOf(row: PerformanceRow): Record<string, unknown> {
  return {
    window_start: isoOf(row.window_start * 1_000),
    window_end: isoOf(row.window_end * 1_000),
    model_version: row.model_version,
    variant: row.variant,
    kind: row.kind,
    slice: row.slice,
    rows: row.rows,
    labelled_rows: row.labelled_rows,
    measured_rows: row.measured_rows,
    is_mature: row.is_mature,
    computed_date: isoOf(row.computed),
    reference_id: row.reference_id === "" ? null : row.reference_id,
    champion_version: row.champion_version === "" ? null : row.champion_version,
  };
}

function metricOf(row: PerformanceRow): Record<string, unknown> {
  const { value, low, high, reason } = row;
  if (value === null) return { value, reason };
  return {
    value,
    ...(low !== null && high !== null && { interval: { low, high } }),
    ...(row.reference_value !== null && {
      reference: {
        value: row.reference_value,
        ...gainOf(row.reference_gain, row.reference_gain_low, row.reference_gain_high),
        verdict: row.reference_verdict || null,
      },
    }),
    ...(row.champion_value !== null && {
      champion: {
        value: row.champion_value,
        ...gainOf(row.champion_gain, row.champion_gain_low, row.champion_gain_high),
        verdict: row.champion_verdict || null,
        paired_requests: row.champion_pairs,
      },
    }),
  };
}

function gainOf(gain: number | null, low: number | null, high: number | null): Record<string, unknown> {
  return { gain, ...(low !== null && high !== null && { interval: { low, high } }) };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
