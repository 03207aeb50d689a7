/**
 * A computation of a window as rows of `performance_reports`: one for the window as a whole, which carries the state of the rounds,
 * one for each variant, slice and metric, and once for each variant one of its errors under streaming detectors.
 */
import type { LabelPositions } from "../../core/labelled-rows.ts";
import type { ScoreWatch } from "../detectors/score-watch.ts";
import { modelKindOf } from "../references/reference-document.ts";
import type { ChampionComparison } from "./champion-pairs.ts";
import type { MetricComparison } from "./metric-comparison.ts";
import { metricsOf } from "./metric-table.ts";
import { type MetricValue, unknownFor } from "./metric-value.ts";
import type { PerformanceVersion } from "./performance-version.ts";
import type { MeasuredSlice, VariantPerformance } from "./window-performance.ts";

export interface PerformanceReport {
  readonly version: PerformanceVersion;
  readonly startMs: number;
  readonly endMs: number;
  readonly computation: number;
  readonly upTo: LabelPositions;
  readonly rows: number;
  readonly labelled: number;
  readonly isMature: boolean;
  readonly championVersion: string;
  readonly variants: readonly VariantPerformance[];
  /** By variant, where detectors have read the errors of the window in this computation. */
  readonly errors: ReadonlyMap<string, ScoreWatch>;
  /** JSON */
  readonly state: string;
}

type Row = Record<string, unknown>;

export function toPerformanceRows(report: PerformanceReport, nowMs: number): Row[] {
  const { manifest, reference } = report.version;
  const common = {
    model_name: manifest.name,
    model_version: manifest.version,
    window_start: report.startMs / 1000,
    window_end: report.endMs / 1000,
    computation: report.computation,
    is_mature: report.isMature,
    reference_id: reference?.id ?? "",
    labels_epoch: report.upTo.labels.epoch,
    labels_seq: report.upTo.labels.seq,
    computed_date: new Date(nowMs).toISOString(),
  };
  const { rows, labelled, state } = report;
  return [
    { ...common, kind: "window", rows, labelled_rows: labelled, state },
    ...report.variants.flatMap((variant) => {
      const ofVariant = {
        ...common,
        variant: variant.variant,
        rows: variant.rows,
        labelled_rows: variant.labelled,
      };
      const errors = report.errors.get(variant.variant);
      const found = [...rowsOf(report, variant), ...(errors === undefined ? [] : [errorsRow(errors)])];
      return found.map((row) => ({ ...ofVariant, ...row }));
    }),
  ];
}

function errorsRow(errors: ScoreWatch): Row {
  const { rows, rowsLeftOut, alarms } = errors.latest;
  return {
    kind: "errors",
    detector_rows: rows,
    detector_rows_left_out: rowsLeftOut,
    detector_alarms: alarms.map(({ detector, atMs }) => ({
      detector,
      drift_at: new Date(atMs).toISOString(),
    })),
    state: JSON.stringify(errors),
  };
}

function rowsOf({ version, championVersion }: PerformanceReport, variant: VariantPerformance): Row[] {
  const { realised, reason, estimated, againstReference, againstChampion } = variant;
  if (realised === undefined) {
    const missing = metricsOf(modelKindOf(version.manifest)).map((metric) => ({
      kind: "realised",
      metric,
      ...valueRow(unknownFor(reason)),
    }));
    return estimated === undefined
      ? missing
      : [
          ...missing,
          ...metricRows("estimated", estimated, (metric) => referenceRow(againstReference, metric)),
        ];
  }
  return realised.flatMap((slice) =>
    metricRows("realised", slice, (metric) =>
      slice.by === ""
        ? {
            ...referenceRow(againstReference, metric),
            ...championRow(againstChampion, metric, championVersion),
          }
        : {},
    ),
  );
}

function metricRows(
  kind: "realised" | "estimated",
  { by, slice, rows, metrics }: MeasuredSlice,
  compared: (metric: string) => Row,
): Row[] {
  return Object.entries(metrics).map(([metric, value]) => ({
    kind,
    metric,
    slice_by: by,
    slice,
    measured_rows: rows,
    ...valueRow(value),
    ...compared(metric),
  }));
}

function valueRow({ value, interval, reason = "" }: MetricValue): Row {
  return { value, low: interval?.low ?? null, high: interval?.high ?? null, reason };
}

function referenceRow(comparisons: readonly MetricComparison[], metric: string): Row {
  const found = comparisons.find((one) => one.metric === metric);
  if (found === undefined) return {};
  return {
    reference_value: found.reference,
    reference_gain: found.gain,
    reference_gain_low: found.interval?.low ?? null,
    reference_gain_high: found.interval?.high ?? null,
    reference_verdict: found.verdict ?? "",
  };
}

function championRow(comparisons: readonly ChampionComparison[], metric: string, version: string): Row {
  const found = comparisons.find((one) => one.metric === metric);
  if (found === undefined) return {};
  return {
    champion_version: version,
    champion_value: found.reference,
    champion_gain: found.gain,
    champion_gain_low: found.interval?.low ?? null,
    champion_gain_high: found.interval?.high ?? null,
    champion_verdict: found.verdict ?? "",
    champion_pairs: found.pairs,
  };
}
