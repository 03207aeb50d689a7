/**
 * Performance reports on a terminal: a table of metrics for each version, variant and kind, with intervals, against the reference
 * and the champion. Pure.
 *
 *     ▲ better   ▼ worse   = no difference that chance does not explain
 */
import { tableLines } from "./cli-table.ts";
import { METRICS } from "./monitor/performance/metric-table.ts";
import {
  countText,
  type Series,
  seriesText,
  shortNumber,
  shortText,
  visibleText,
  windowText,
} from "./report/report-text.ts";

interface Comparison {
  readonly value: number;
  readonly gain: number | null;
  readonly verdict: "better" | "worse" | "no_difference" | null;
}

interface Metric {
  readonly value: number | null;
  readonly reason?: string;
  readonly interval?: { readonly low: number; readonly high: number };
  readonly reference?: Comparison;
  readonly champion?: Comparison;
}

export interface PerformanceReport extends Series {
  readonly kind: "realised" | "estimated";
  readonly window_start: string;
  readonly window_end: string;
  readonly rows: number;
  readonly labelled_rows: number;
  readonly is_mature: boolean;
  readonly champion_version: string | null;
  readonly metrics: Readonly<Record<string, Metric>>;
}

const ORDER: readonly string[] = Object.keys(METRICS);
const REASON_LENGTH_MAX = 40;
const MARKS = { better: "▲", worse: "▼", no_difference: "=" } as const;

export function performanceLines(model: string, reports: readonly PerformanceReport[]): string[] {
  if (reports.length === 0)
    return [
      `no window of ${model} was measured yet: labels come with POST /labels or millrace labels import`,
    ];
  return reports.flatMap((report, at) => [...(at === 0 ? [] : [""]), ...performanceTable(model, report)]);
}

function performanceTable(model: string, report: PerformanceReport): string[] {
  const { kind, window_start, window_end, rows, labelled_rows, is_mature, champion_version } = report;
  const what = kind === "realised" ? "performance" : "estimated performance";
  const window = windowText({ from: window_start, to: window_end });
  const labelled = `${countText(labelled_rows)} of ${countText(rows)} predictions labelled${is_mature ? "" : ", more to come"}`;
  const metrics = Object.entries(report.metrics).sort(([a], [b]) => ORDER.indexOf(a) - ORDER.indexOf(b));
  const head = `${model} ${seriesText(report)}: ${what}, ${window}`;
  const [reason, ...others] = new Set(
    metrics.map(([, { value, reason: why }]) => (value === null ? why : undefined)),
  );
  if (reason !== undefined && others.length === 0)
    return [head, labelled, `nothing is measured: ${visibleText(reason)}`];
  const columns = [
    { title: "metric", cellOf: titleOf },
    { title: "value", cellOf: (_: string, { value }: Metric) => (value === null ? "" : figure(value)) },
    {
      title: kind === "realised" ? "95 % interval" : "interval",
      cellOf: (_: string, one: Metric) => intervalText(one),
    },
    { title: "reference", cellOf: (_: string, { reference }: Metric) => comparisonText(reference) },
    {
      title: `champion ${champion_version ?? ""}`,
      cellOf: (_: string, { champion }: Metric) => comparisonText(champion),
    },
  ].map(({ title, cellOf }) => [title, ...metrics.map(([name, metric]) => cellOf(name, metric))]);
  const filled = columns.filter(([, ...cells]) => cells.some((cell) => cell !== ""));
  const lines = ["", ...metrics].map((_, at) => filled.map((cells) => cells[at] ?? ""));
  return [head, labelled, ...tableLines(lines)];
}

function titleOf(name: string): string {
  return Object.hasOwn(METRICS, name) ? METRICS[name as keyof typeof METRICS].title : visibleText(name);
}

function intervalText({ value, interval, reason = "" }: Metric): string {
  if (value === null) return shortText(reason, REASON_LENGTH_MAX);
  return interval === undefined ? "" : `${figure(interval.low)} to ${figure(interval.high)}`;
}

/** The other's value, and by how much this one is better. */
function comparisonText(other: Comparison | undefined): string {
  if (other === undefined) return "";
  const { value, gain, verdict } = other;
  const sign = gain !== null && gain > 0 ? "+" : "";
  return `${verdict === null ? " " : MARKS[verdict]} ${figure(value)}${gain === null ? "" : ` (${sign}${shortNumber(gain)})`}`;
}

/** Four digits. */
function figure(value: number): string {
  return String(Number(value.toPrecision(4)));
}
