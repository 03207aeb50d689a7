/**
 * What `GET /monitoring/{model}` says, on a terminal of 80 to 100 columns: drift, streaming detectors, performance, how the
 * model is served and how its objectives are kept, each as a small table. Pure: the same answer, the same lines.
 *
 *     ▲ better   ▼ worse   = no difference that chance does not explain   ✓ kept   ✗ not kept
 */
import { incidentLine } from "./cli-drift-table.ts";
import { type PerformanceReport, performanceLines } from "./cli-performance-table.ts";
import { type Latency, latencyLines, objectiveLines } from "./cli-service-table.ts";
import { tableLines } from "./cli-table.ts";
import type { IncidentJson } from "./monitor/drift/drift-answer.ts";
import type { Verdict } from "./monitor/drift/window-verdict.ts";
import type { ObjectiveLevel } from "./monitor/service/objective-level.ts";
import {
  countText,
  momentText,
  type Series,
  seriesText,
  verdictText,
  visibleText,
  windowText,
} from "./report/report-text.ts";

/** ClickHouse writes its largest integers as texts. */
interface DetectedChanges extends Series {
  readonly window_start: string;
  readonly window_end: string;
  readonly detector_rows: number | string;
  readonly detector_alarms: readonly { readonly detector: string; readonly drift_at: string }[];
}

interface DriftReport extends DetectedChanges {
  readonly rows: number | string;
  readonly verdict: Verdict;
  readonly is_critical: boolean;
  readonly problems: readonly string[];
  readonly incidents: readonly IncidentJson[];
}

/** Each part, or why it cannot be had. */
export interface Overview {
  readonly model_name: string;
  readonly drift: readonly DriftReport[] | Unavailable;
  readonly performance: readonly PerformanceReport[] | Unavailable;
  readonly error_detectors: readonly DetectedChanges[] | Unavailable;
  readonly latency: Latency | Unavailable;
  readonly sla: readonly ObjectiveLevel[] | Unavailable;
}

export interface Unavailable {
  readonly error: { readonly code: string; readonly message: string };
}

const CHANGES_MAX = 1;
const CHANGES_HEAD = ["changes in", "version", "window up to", "read", "found by streaming detectors"];

export function monitorLines(overview: Overview): string[] {
  const { model_name: model, drift, performance, error_detectors: errors, latency, sla } = overview;
  const changes = [
    ...listed(drift).map((one) => changesRow("scores", one)),
    ...listed(errors).map((one) => changesRow("errors", one)),
  ];
  return [
    ...section("drift", drift, (reports) => driftLines(model, reports)),
    ...(changes.length === 0 ? [] : ["", ...tableLines([CHANGES_HEAD, ...changes])]),
    "",
    ...section("performance", performance, (reports) => performanceLines(model, reports)),
    "",
    ...section("latency", latency, latencyLines),
    "",
    ...section("service levels", sla, (levels) => objectiveLines(model, levels)),
  ];
}

function section<T extends object>(
  name: string,
  part: T | Unavailable,
  toLines: (part: T) => string[],
): string[] {
  return "error" in part ? [`${name}: ${visibleText(part.error.message)}`] : toLines(part);
}

function listed<T>(part: readonly T[] | Unavailable): readonly T[] {
  return "error" in part ? [] : part;
}

function driftLines(model: string, reports: readonly DriftReport[]): string[] {
  if (reports.length === 0)
    return [
      `no window of ${model} was judged yet: it takes a reference, and a window of predictions after it`,
      `(millrace reference create ${model}, millrace monitor settings ${model})`,
    ];
  return reports.flatMap((report) => {
    const { window_start, window_end, rows, problems, incidents } = report;
    const found = [verdictText(report), ...problems].join(", ");
    const window = windowText({ from: window_start, to: window_end });
    return [
      `${model} ${seriesText(report)}: ${found}, ${countText(Number(rows))} predictions from ${window}`,
      ...incidents.map((incident) => `  ${incidentLine(incident)}`),
    ];
  });
}

function changesRow(what: "scores" | "errors", report: DetectedChanges): string[] {
  const { window_end, detector_rows, detector_alarms: alarms } = report;
  const shown = alarms
    .slice(0, CHANGES_MAX)
    .map(({ detector, drift_at }) => `${detector} ${momentText(drift_at)}`);
  const more = alarms.length > CHANGES_MAX ? [`${alarms.length - CHANGES_MAX} more`] : [];
  const found = alarms.length === 0 ? "none" : [...shown, ...more].join(", ");
  const read = countText(Number(detector_rows));
  return [what, seriesText(report), momentText(window_end), read, found];
}
