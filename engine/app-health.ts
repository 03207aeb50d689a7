/**
 * Builds the readiness of a data plane: looks at every component now and then, and shows what it sees as metrics.
 */
import { openClickHouse } from "../storage/clickhouse.ts";
import { isConnected, openRedis } from "../storage/redis.ts";
import type { StreamsConnection } from "../streams/connection.ts";
import { followIngestStatus, followMonitorStatus, followSinkStatus } from "../streams/status.ts";
import type { Topology } from "../streams/topology.ts";
import type { WorkerPool } from "../workers/pool.ts";
import type { Logger } from "./core/log.ts";
import type { Gauge, Metrics } from "./core/metrics.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Models } from "./models.ts";
import { MonitorGauges } from "./monitor/monitor-gauges.ts";
import { type Component, type ComponentState, Readiness } from "./readiness.ts";
import type { ServiceUrls } from "./service-urls.ts";

const PING_MS = 1_000;
/** A sink that was not heard of for this long is down. */
const SINK_SILENT_MS = 5_000;

export interface HealthOptions {
  readonly urls: ServiceUrls;
  readonly core: {
    readonly metrics: Metrics;
    readonly pool: WorkerPool;
    readonly dispatcher: Dispatcher;
    readonly models: Models;
  };
  readonly connection: StreamsConnection;
  readonly topology: Topology;
  readonly logger: Logger;
}

export interface HealthChecks {
  readonly readiness: Readiness;
  stop(): void;
}

export function startHealthChecks({ urls, core, connection, topology, logger }: HealthOptions): HealthChecks {
  const { metrics, pool, dispatcher, models } = core;
  const clickhouse = watchClickHouse(urls.clickhouse);
  const redis = urls.redis === undefined ? undefined : openRedis(urls.redis, logger);
  const sink = watchSink(connection, topology, metrics);
  watchIngest(connection, topology, metrics);
  const gauges = new MonitorGauges(metrics, () => performance.now());
  followMonitorStatus(connection.nats, topology, (status) => gauges.take(status));
  const components: Component[] = [
    { name: "nats", isVital: true, state: () => upIf(connection.isConnected()) },
    { name: "workers", isVital: true, state: () => upIf(pool.alive > 0) },
    { name: "models", isVital: true, state: () => upIf(models.ready) },
    { name: "clickhouse", isVital: false, state: () => upIf(clickhouse.isUp()) },
    { name: "sink", isVital: false, state: () => upIf(sink.isUp()) },
    {
      name: "redis",
      isVital: false,
      state: () => (redis === undefined ? "absent" : upIf(isConnected(redis))),
    },
  ];
  const queueRows = metrics.gauge("engine_queue_rows", "Rows accepted and not yet answered.");
  const workersAlive = metrics.gauge("engine_workers", "Worker threads that can compute.");
  metrics.onCollect(() => {
    queueRows.set(dispatcher.rows);
    workersAlive.set(pool.alive);
  });
  const stop = (): void => {
    clickhouse.stop();
    redis?.disconnect();
  };
  return { readiness: new Readiness(components), stop };
}

function upIf(isUp: boolean): ComponentState {
  return isUp ? "up" : "down";
}

function watchClickHouse(url: string): { isUp(): boolean; stop(): void } {
  const client = openClickHouse(url);
  let isUp = false;
  const check = async (): Promise<void> => {
    isUp = (await client.ping()).success;
  };
  void check();
  const timer = setInterval(() => void check(), PING_MS).unref();
  return {
    isUp: () => isUp,
    stop: () => {
      clearInterval(timer);
      void client.close();
    },
  };
}

function watchSink({ nats }: StreamsConnection, topology: Topology, metrics: Metrics): { isUp(): boolean } {
  const lag = metrics.gauge(
    "engine_log_lag_messages",
    "Blocks of the prediction log that are not in ClickHouse yet.",
  );
  const rows = metrics.gauge("engine_sink_rows", "Rows stored by the control plane since it started.");
  const repeats = metrics.gauge("engine_sink_repeats", "Rows it left out because they were stored before.");
  let heardMs = Number.NEGATIVE_INFINITY;
  followSinkStatus(nats, topology, (status) => {
    heardMs = performance.now();
    lag.set(status.lagMessages);
    rows.set(status.rows);
    repeats.set(status.repeats);
  });
  return { isUp: () => performance.now() - heardMs < SINK_SILENT_MS };
}

function watchIngest({ nats }: StreamsConnection, topology: Topology, metrics: Metrics): void {
  const gauge = (name: string, help: string): Gauge => metrics.gauge(`engine_ingest_${name}`, help);
  const lag = gauge("lag_events", "Feature events that are not in the online store yet.");
  const events = gauge("events", "Feature events taken since the ingester started.");
  const duplicates = gauge("duplicate_events", "Events that came again under the same id.");
  const tooLate = gauge("late_events", "Events that came after the lateness of every window.");
  const rejected = gauge("rejected_events", "Messages that were put aside as dead letters.");
  followIngestStatus(nats, topology, (status) => {
    lag.set(status.lagEvents);
    events.set(status.events);
    duplicates.set(status.duplicates);
    tooLate.set(status.tooLate);
    rejected.set(status.rejected);
  });
}
