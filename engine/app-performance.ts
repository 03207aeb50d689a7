/**
 * Builds the rounds of performance on a control plane, and tells the data planes what they found.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";
import type { ClickHouse } from "../storage/clickhouse.ts";
import { PerformanceRows } from "../storage/performance-rows.ts";
import { PerformanceStore } from "../storage/performance-store.ts";
import { PredictionErrorStore } from "../storage/prediction-error-store.ts";
import { publishMonitorStatus, type StatusGauge } from "../streams/status.ts";
import type { Topology } from "../streams/topology.ts";
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import type { ModelManifest } from "./core/manifest.ts";
import type { WatchedErrors } from "./monitor/detectors/error-news.ts";
import { PerformanceMonitor } from "./monitor/performance/performance-monitor.ts";
import type { PerformanceObservation } from "./monitor/performance/performance-news.ts";
import type { PerformanceVersion } from "./monitor/performance/performance-version.ts";
import type { Proposal } from "./retraining/retrain-proposal.ts";

const PAUSE_LEAST_MS = 5_000;
const PAUSE_MOST_MS = 30_000;
/** As long as the round before took: rounds take a twentieth of the time, or less, or else are half a minute apart. */
const PAUSE_TIMES = 19;
const STATUS_MS = 10_000;

export interface PerformanceParts {
  readonly clickhouse: ClickHouse;
  readonly database: string;
  readonly nats: NatsConnection;
  readonly topology: Topology;
  readonly versions: () => readonly PerformanceVersion[];
  /** As somebody wrote them; undefined for the defaults. */
  readonly settingsOf: (model: string) => Promise<unknown>;
  /** The version in production; undefined when there is none. */
  readonly championOf: (model: string) => Promise<ModelManifest | undefined>;
  /** Resolves when the first round is worth a look. */
  readonly resumed: Promise<void>;
  /** Predictions made until then are in ClickHouse; undefined when that cannot be said. */
  readonly storedToMs: () => Promise<number | undefined>;
  /** For alert rules; each may come again. */
  readonly tell: (observations: readonly PerformanceObservation[]) => Promise<void>;
  /** For events and alert rules; each may come again. */
  readonly tellErrors: (errors: WatchedErrors) => Promise<void>;
  readonly logger: Logger;
}

export interface RunningPerformance {
  /** To be proposed in every round of the triggers, of the versions that are behind an alias. */
  proposals(model: string, versions: Iterable<string>): Proposal[];
  /** Finishes the round under way. */
  stop(): Promise<void>;
}

export function startPerformanceMonitor(parts: PerformanceParts): RunningPerformance {
  const { clickhouse, database, nats, topology, versions, storedToMs } = parts;
  const { settingsOf, championOf, tell, tellErrors } = parts;
  const errors = new PredictionErrorStore(clickhouse, database);
  const logger = parts.logger.child({ component: "performance" });
  const monitor = new PerformanceMonitor({
    rows: new PerformanceRows(clickhouse, database),
    reports: new PerformanceStore(clickhouse, database),
    settingsOf,
    championOf,
    errors: (upTo, classes) => errors.asOf(upTo, classes),
    tell,
    tellErrors,
    now: () => Date.now(),
    logger,
  });
  const stopping = new AbortController();
  const { signal } = stopping;
  const publish = (): void => {
    if (nats.isClosed()) return;
    publishMonitorStatus(nats, topology, {
      source: "performance",
      gauges: [...monitor.latest().map(toGauge), ...monitor.latestErrors().flatMap(toErrorGauges)],
    });
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const startMs = performance.now();
      try {
        const untilMs = await storedToMs();
        if (untilMs !== undefined) await monitor.round(versions(), untilMs);
        publish();
      } catch (error) {
        logger.warn({ err: messageOf(error) }, "a round of performance failed, trying again");
      }
      const pauseMs = (performance.now() - startMs) * PAUSE_TIMES;
      const boundedMs = Math.min(PAUSE_MOST_MS, Math.max(PAUSE_LEAST_MS, pauseMs));
      await delay(boundedMs, undefined, { signal }).catch(() => undefined);
    }
  };
  const running = parts.resumed.then(run);
  const status = setInterval(publish, STATUS_MS);
  return {
    proposals: (model, numbers) => monitor.proposals(model, numbers),
    stop: async () => {
      clearInterval(status);
      stopping.abort();
      await running;
    },
  };
}

function toGauge({ model, version, variant, metric, value }: PerformanceObservation): StatusGauge {
  const [kind, name = ""] = metric.split(".");
  const labels = { model, version, variant, metric: name };
  return kind === "performance"
    ? {
        name: "engine_model_performance",
        help: "Performance of a version in its newest mature window, from labels.",
        labels,
        value,
      }
    : {
        name: "engine_model_estimated_performance",
        help: "Performance of a version in its newest window, estimated without labels.",
        labels,
        value,
      };
}

function toErrorGauges({ model, version, variant, latest }: WatchedErrors): StatusGauge[] {
  return Object.entries(latest.counts).map(([detector, value]) => ({
    name: "engine_model_error_changes",
    help: "Changes that a streaming detector found among the errors of a version's newest mature window.",
    labels: { model, version, variant: variant ?? "", detector },
    value,
  }));
}
