/**
 * How a model is served and how its objectives are kept, on a terminal: latencies by stage, and a row for each objective. Pure.
 */
import { tableLines } from "./cli-table.ts";
import type { ServiceObjective } from "./core/service-objective.ts";
import { METRICS } from "./monitor/performance/metric-table.ts";
import type { Quantiles, TrafficFigures } from "./monitor/service/latency-report.ts";
import type { ObjectiveLevel } from "./monitor/service/objective-level.ts";
import { countText, percentText, shortNumber, shortText, windowText } from "./report/report-text.ts";

export type Latency = TrafficFigures & { readonly from: string; readonly to: string };

const REASON_LENGTH_MAX = 40;
const NAME_LENGTH_MAX = 28;
const BAR_CELLS = 10;
const LEVELS = "▁▂▃▄▅▆▇█";
const STAGES = [
  ["latency_ms", "arrival to answer"],
  ["queue_ms", "queue"],
  ["inference_ms", "inference"],
] as const;

export function latencyLines(latency: Latency): string[] {
  const { predictions, predictions_per_second: rate, errors, error_rate, failures_by_code } = latency;
  const failed = Object.entries(failures_by_code ?? {}).map(([code, count]) => `${code} ${countText(count)}`);
  const top = Math.max(...STAGES.map(([stage]) => latency[stage].p99 ?? 0));
  const share = error_rate === null ? "" : ` (${percentText(error_rate)})`;
  return [
    `served, ${windowText(latency)}`,
    `${countText(predictions)} predictions, ${shortNumber(rate)} a second, ${countText(errors ?? 0)} errors${share}`,
    ...(failed.length === 0 ? [] : [`failed, also by the caller's fault: ${failed.join(", ")}`]),
    ...(predictions === 0
      ? []
      : tableLines([
          ["stage", "p50 ms", "p95 ms", "p99 ms"],
          ...STAGES.map(([stage, title]) => [title, ...stageCells(latency[stage], top)]),
        ])),
  ];
}

function stageCells({ p50, p95, p99 }: Quantiles, top: number): string[] {
  const values = [p50, p95, p99];
  const blocks = values.map((value) => {
    const level = top === 0 || value === null ? 0 : Math.ceil((value / top) * LEVELS.length) - 1;
    return LEVELS[Math.max(0, level)] ?? "█";
  });
  return [...values.map((value) => (value === null ? "" : shortNumber(value))), blocks.join("")];
}

export function objectiveLines(model: string, levels: readonly ObjectiveLevel[]): string[] {
  if (levels.length === 0) return [`no service-level objective of ${model} yet: millrace slo apply <file>`];
  const rows = levels.map(
    ({ name, indicator, target, compliance, is_met, error_budget_left, period, problem }) => [
      `${is_met === null ? " " : is_met ? "✓" : "✗"} ${shortText(name, NAME_LENGTH_MAX)}`,
      indicatorText(indicator),
      shareText(target),
      compliance === null
        ? shortText(problem ?? "nothing to count", REASON_LENGTH_MAX)
        : shareText(compliance),
      error_budget_left === null ? "" : `${barText(error_budget_left)} ${percentText(error_budget_left)}`,
      period,
    ],
  );
  return tableLines([["  objective", "good is", "target", "kept", "budget left", "over"], ...rows]);
}

function indicatorText(indicator: ServiceObjective["indicator"]): string {
  switch (indicator.kind) {
    case "latency_ms": {
      const { bound, quantile } = indicator;
      return quantile === undefined
        ? `within ${bound} ms`
        : `minute, p${shortNumber(quantile * 100)} ${bound} ms`;
    }
    case "error_rate":
      return "no error";
    case "availability":
      return `minute, errors ${percentText(indicator.error_rate_max)}`;
    case "min_metric": {
      const { metric, bound, window } = indicator;
      const isHigher =
        !Object.hasOwn(METRICS, metric) || METRICS[metric as keyof typeof METRICS].better === "higher";
      return `${window}, ${metric} ${isHigher ? ">=" : "<="} ${bound}`;
    }
  }
}

/** A full bar is 1; below 0 it is empty. */
function barText(share: number): string {
  const cells = Math.round(Math.min(1, Math.max(0, share)) * BAR_CELLS);
  return "█".repeat(cells) + "·".repeat(BAR_CELLS - cells);
}

/** Targets are told apart by their nines. */
function shareText(share: number): string {
  return `${Number((share * 100).toFixed(3))} %`;
}
