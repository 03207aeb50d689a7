/**
 * A window's report as rows of `drift_reports`: one of the window as a whole, which carries the states of incidents and of
 * detectors, and one for each column.
 */

import type { ScoreWatch } from "../detectors/score-watch.ts";
import { evidenceName, WHOLE_WINDOW } from "./column-name.ts";
import type { IncidentState } from "./incident.ts";
import type { MeasuredColumn } from "./window-measures.ts";
import type { ColumnVerdict, WindowVerdict } from "./window-verdict.ts";

export interface DriftReport {
  readonly verdict: WindowVerdict;
  readonly measured: readonly MeasuredColumn[];
  readonly state: IncidentState;
  readonly scores: ScoreWatch;
}

/** What the row of a window carries as JSON. Reports of before there were detectors have no scores. */
export interface SeriesState extends IncidentState {
  readonly scores?: ScoreWatch;
}

/** A row of `drift_reports`, with the names of what others are told of it. The row of a window has no measures but its rows. */
export interface ReportRow extends Readonly<Record<string, unknown>> {
  readonly role: "window" | "input" | "output";
  readonly feature: string;
  readonly rows: number;
  readonly psi_corrected?: number | null;
  readonly ks_low?: number | null;
  readonly jensen_shannon?: number | null;
  readonly kl?: number | null;
  /** In standard deviations of the reference. */
  readonly wasserstein?: number | null;
  readonly chi_square?: number | null;
  readonly null_rate?: number | null;
  readonly unseen_rate?: number | null;
}

export function toReportRows({ verdict, measured, state, scores }: DriftReport, nowMs: number): ReportRow[] {
  const common = {
    model_name: verdict.model,
    model_version: verdict.version,
    variant: verdict.variant ?? "",
    reference_id: verdict.referenceId,
    window_start: verdict.startMs / 1000,
    window_end: verdict.endMs / 1000,
    created_date: new Date(nowMs).toISOString(), // of a fraction of seconds since 1970 ClickHouse reads no date
  };
  const verdicts = new Map(verdict.columns.map((column) => [column.column, column]));
  const whole = verdicts.get(WHOLE_WINDOW);
  const rows = Math.max(0, ...measured.map(({ measures }) => measures.rows));
  const window = {
    ...common,
    role: "window" as const,
    feature: WHOLE_WINDOW,
    rows,
    reference_rows: Math.max(0, ...measured.map(({ column }) => column.count + column.null_count)),
    verdict: verdict.verdict,
    is_critical: verdict.columns.some(({ isCritical }) => isCritical),
    problems: whole?.problems.map(({ kind }) => kind) ?? [],
    detector_rows: scores.latest.rows,
    detector_rows_left_out: scores.latest.rowsLeftOut,
    detector_alarms: scores.latest.alarms.map(({ detector, atMs }) => ({
      detector,
      drift_at: new Date(atMs).toISOString(),
    })),
    state: JSON.stringify({ ...state, scores } satisfies SeriesState),
  };
  if (rows === 0) return [window]; // an idle night has nothing to say of its columns
  return [
    window,
    ...measured.map((column) => ({
      ...common,
      ...columnRow(column, verdicts.get(evidenceName(column.column))),
    })),
  ];
}

function columnRow({ column, measures }: MeasuredColumn, verdict: ColumnVerdict | undefined): ReportRow {
  const { psi, ks, wasserstein, chiSquare, nullRate, unseenRate, outOfRangeRate } = measures;
  return {
    role: column.role,
    feature: column.name,
    rows: measures.rows,
    reference_rows: column.count + column.null_count,
    psi: psi?.value ?? null,
    psi_corrected: psi?.corrected ?? null,
    p_value: psi?.pValue ?? null,
    p_adjusted: verdict?.pAdjusted ?? null,
    ks_low: ks?.low ?? null,
    ks_high: ks?.high ?? null,
    jensen_shannon: measures.jensenShannon ?? null,
    kl: measures.kullbackLeibler ?? null,
    wasserstein: wasserstein?.normalized ?? null,
    chi_square: chiSquare?.statistic ?? null,
    chi_square_p_value: chiSquare?.pValue ?? null,
    null_rate: nullRate?.current ?? null,
    reference_null_rate: nullRate?.reference ?? null,
    unseen_rate: unseenRate?.current ?? null,
    out_of_range_rate: outOfRangeRate?.current ?? null,
    verdict: verdict?.verdict ?? "insufficient",
    is_critical: verdict?.isCritical ?? false,
    problems: verdict?.problems.map(({ kind }) => kind) ?? [],
  };
}
