/**
 * How models are served, as observations for alert rules: latencies and errors of every five minutes, and service levels.
 */
import type { ClickHouse } from "../storage/clickhouse.ts";
import { readRequestErrors, readTraffic } from "../storage/traffic-report.ts";
import type { AlertDesk } from "./alerts/alert-desk.ts";
import type { Observation } from "./alerts/observation.ts";
import { latencyReport } from "./monitor/service/latency-report.ts";
import type { ObjectiveLevel } from "./monitor/service/objective-level.ts";

const WINDOW_MS = 5 * 60_000;
/** Reports of failed requests come every five seconds, and the sinks are a second behind. */
const SLACK_MS = 15_000;

export interface ServiceWatchParts {
  readonly clickhouse: ClickHouse;
  readonly database: string;
  readonly alerts: Pick<AlertDesk, "observe">;
  /** Of all objectives, now. */
  readonly levels: (nowMs: number) => Promise<readonly ObjectiveLevel[]>;
}

export class ServiceWatch {
  readonly #parts: ServiceWatchParts;
  #watchedToMs = 0;

  constructor(parts: ServiceWatchParts) {
    this.#parts = parts;
  }

  /** Observes the window that ended last, once. Windows that passed while nobody watched are left out: they alert nobody any more. */
  async round(models: Iterable<string>, nowMs: number): Promise<void> {
    const to = Math.floor((nowMs - SLACK_MS) / WINDOW_MS) * WINDOW_MS;
    if (to <= this.#watchedToMs) return;
    const observations: Observation[] = [];
    for (const model of models) observations.push(...(await this.#served(model, to)));
    for (const { model, name, compliance, error_budget_left } of await this.#parts.levels(to)) {
      const common = { ...windowOf(to), model, version: "", variant: "", column: name };
      if (compliance !== null) observations.push({ ...common, metric: "slo.compliance", value: compliance });
      if (error_budget_left !== null)
        observations.push({ ...common, metric: "slo.budget_left", value: error_budget_left });
    }
    if (observations.length > 0) await this.#parts.alerts.observe(observations, nowMs);
    this.#watchedToMs = to;
  }

  async #served(model: string, to: number): Promise<Observation[]> {
    const { clickhouse, database } = this.#parts;
    const asked = {
      model,
      from: to - WINDOW_MS,
      to,
      step: "minute" as const,
      version: undefined,
      variant: undefined,
    };
    const [traffic, errors] = await Promise.all([
      readTraffic(clickhouse, database, asked),
      readRequestErrors(clickhouse, database, asked),
    ]);
    const { latency_ms: latency, error_rate } = latencyReport({ ...asked, traffic, errors }).total;
    const common = { ...windowOf(to), model, version: "", variant: "" };
    const found: [Observation["metric"], number | null][] = [
      ["latency.p50_ms", latency.p50],
      ["latency.p95_ms", latency.p95],
      ["latency.p99_ms", latency.p99],
      ["errors.rate", error_rate],
    ];
    return found.flatMap(([metric, value]) => (value === null ? [] : [{ ...common, metric, value }]));
  }
}

function windowOf(to: number): { readonly windowStart: number; readonly windowEnd: number } {
  return { windowStart: to - WINDOW_MS, windowEnd: to };
}
