/**
 * Drift of any window, asked for at any time: worked out from the counts, whatever the number of predictions; and beside it
 * from the rows themselves, if that is asked for.
 */
import { EngineError } from "../../core/errors.ts";
import { parseMonitorSettings } from "../monitor-settings.ts";
import { evidenceName, WHOLE_WINDOW } from "./column-name.ts";
import type { Proportions } from "./contingency.ts";
import type { WatchedVersion } from "./count-keeper.ts";
import type {
  BinsJson,
  DriftAnswer,
  DriftColumn,
  ExactColumnJson,
  ExactJson,
  MeasuresJson,
  ProblemJson,
  RateJson,
  SpanJson,
} from "./drift-answer.ts";
import type { ExactDrift } from "./exact-drift.ts";
import type { ColumnMeasures } from "./measure-counts.ts";
import type { RowMeasures } from "./measure-rows.ts";
import { type Span, seasonReachMs } from "./season-reference.ts";
import type { MeasuredColumn } from "./window-measures.ts";
import { judgeSeries, readWindow, type WindowTables } from "./window-series.ts";
import type { ColumnVerdict } from "./window-verdict.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** Minutes are kept for 40 days; of older windows only whole hours can be told. */
const MINUTES_KEPT_MS = 39 * 86_400_000;

export interface DriftQuestion {
  readonly version: WatchedVersion;
  /** All variants together when it is undefined. */
  readonly variant?: string | undefined;
  readonly fromMs: number;
  readonly toMs: number;
  readonly nowMs: number;
  /** Measures the rows of [fromMs, toMs) beside the counts; the answer has no `exact` without it. */
  readonly measureExactly?: ((fromMs: number, toMs: number) => Promise<ExactDrift>) | undefined;
}

export interface DriftPorts extends WindowTables {
  readonly settingsOf: (model: string) => Promise<unknown>;
}

/**
 * Measures and verdict of a window, its ends on whole minutes, or hours if it is older than 39 days, or was compared with such.
 * @throws EngineError INVALID_REQUEST when the window is empty; SERVICE_UNAVAILABLE; what measureExactly throws
 */
export async function answerDrift(
  { settingsOf, ...tables }: DriftPorts,
  { version, variant, fromMs, toMs, nowMs, measureExactly }: DriftQuestion,
): Promise<DriftAnswer> {
  const settings = parseMonitorSettings(await settingsOf(version.model));
  const reachMs = settings.compareWith === "season" ? seasonReachMs(toMs - fromMs) : toMs - fromMs;
  const grainMs = nowMs - toMs + reachMs > MINUTES_KEPT_MS ? HOUR_MS : MINUTE_MS;
  const startMs = Math.floor(fromMs / grainMs) * grainMs;
  const endMs = Math.ceil(toMs / grainMs) * grainMs;
  if (startMs >= endMs)
    throw new EngineError("INVALID_REQUEST", "from must be before to", {
      details: [{ field: "from", message: "must be before to" }],
    });
  const window = await readWindow(tables, version, settings, startMs, endMs);
  const { slots, measured, verdict } = judgeSeries(window, variant, settings);
  const exact = await measureExactly?.(startMs, endMs);
  const { profile, season } = window.compared;
  const verdicts = new Map(verdict.columns.map((column) => [column.column, column]));
  let start = 0;
  return {
    model_name: version.model,
    model_version: version.version,
    ...(variant === undefined ? {} : { variant }),
    reference_id: version.referenceId,
    compared_with: settings.compareWith,
    ...(season === undefined ? {} : { season: season.map(spanJson) }),
    from: isoText(startMs),
    to: isoText(endMs),
    rows: Math.max(0, ...measured.map(({ measures }) => measures.rows)),
    reference_rows: profile.rows,
    verdict: verdict.verdict,
    problems: problemsJson(verdicts.get(WHOLE_WINDOW)),
    ...(exact === undefined ? {} : { exact: exactJson(exact) }),
    columns: measured.map((column) => {
      const bins = column.column.counts.length;
      const counts = [...slots.subarray(start, start + bins + 1)];
      start += bins + 1;
      const judged = verdicts.get(evidenceName(column.column));
      return {
        ...columnJson(column),
        verdict: judged?.verdict ?? "insufficient",
        is_critical: judged?.isCritical ?? false,
        p_adjusted: judged?.pAdjusted ?? null,
        problems: problemsJson(judged),
        bins: binsJson(column, counts),
        ...(exact === undefined ? {} : { exact: exactColumnJson(exact.columns.get(column.column.name)) }),
      };
    }),
  };
}

function problemsJson(judged: ColumnVerdict | undefined): ProblemJson[] {
  return (judged?.problems ?? []).map(({ kind, rate, referenceRate }) => ({
    kind,
    rate,
    reference_rate: referenceRate,
  }));
}

function spanJson([startS, endS]: Span): SpanJson {
  return { from: isoText(startS * 1000), to: isoText(endS * 1000) };
}

function isoText(ms: number): string {
  return new Date(ms).toISOString();
}

/** What was compared: rows of both windows, which may be more than are counted yet. */
function exactJson({ reference, rows, referenceRows }: ExactDrift): ExactJson {
  return {
    rows,
    reference_rows: referenceRows,
    reference_from: isoText(reference.fromMs),
    reference_to: isoText(reference.toMs),
  };
}

/** As columnJson, in the bins of the rows that were read, but for the two that need none. */
function exactColumnJson(measures: RowMeasures | undefined): ExactColumnJson | null {
  if (measures === undefined) return null;
  const { exact } = measures;
  return {
    ...measuresJson(measures),
    ks: exact === undefined ? null : { statistic: exact.d, p_value: exact.pValue, mode: exact.mode },
    wasserstein:
      exact === undefined
        ? null
        : { distance: exact.wasserstein, normalized: exact.normalizedWasserstein ?? null },
  };
}

function columnJson({
  column,
  measures,
}: MeasuredColumn): MeasuresJson & Pick<DriftColumn, "feature" | "role" | "type"> {
  return { feature: column.name, role: column.role, type: column.type, ...measuresJson(measures) };
}

function measuresJson(measures: ColumnMeasures): MeasuresJson {
  const { psi, ks, wasserstein, chiSquare, nullRate, unseenRate, outOfRangeRate } = measures;
  return {
    rows: measures.rows,
    psi: psi?.value ?? null,
    psi_corrected: psi?.corrected ?? null,
    p_value: psi?.pValue ?? null,
    ks: ks === undefined ? null : { low: ks.low, high: ks.high, p_value: ks.pValue },
    jensen_shannon: measures.jensenShannon ?? null,
    kl: measures.kullbackLeibler ?? null,
    wasserstein:
      wasserstein === undefined
        ? null
        : {
            low: wasserstein.low,
            estimate: wasserstein.estimate,
            high: wasserstein.high,
            normalized: wasserstein.normalized ?? null,
          },
    chi_square:
      chiSquare === undefined
        ? null
        : { statistic: chiSquare.statistic, freedom: chiSquare.freedom, p_value: chiSquare.pValue },
    null_rate: rateJson(nullRate),
    unseen_rate: rateJson(unseenRate),
    out_of_range_rate: rateJson(outOfRangeRate),
  };
}

function rateJson(rates: Proportions | undefined): RateJson | null {
  return rates === undefined
    ? null
    : { reference: rates.reference, current: rates.current, p_value: rates.pValue };
}

/** Shares of the reference and of the window in each bin, null last. */
function binsJson({ column, measures }: MeasuredColumn, counts: readonly number[]): BinsJson {
  const referenceRows = column.count + column.null_count;
  const share = (count: number, of: number): number => (of === 0 ? 0 : count / of);
  return {
    ...(column.type === "number" ? { edges: column.edges } : { values: column.values }),
    reference: [...column.counts, column.null_count].map((count) => share(count, referenceRows)),
    current: counts.map((count) => share(count, measures.rows)),
  };
}
