/**
 * Builds how a data plane tells how models are served: reports of failed requests for the control plane to store, routes
 * over the tables, and service levels as metrics.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { type ClickHouse, openClickHouse } from "../storage/clickhouse.ts";
import type { ModelRegistry } from "../storage/model-registry.ts";
import { openObjectiveRegistry } from "../storage/objective-registry.ts";
import { PerformanceStore } from "../storage/performance-store.ts";
import {
  readRequestErrors,
  readServiceMinutes,
  readTraffic,
  type TrafficQuestion,
} from "../storage/traffic-report.ts";
import type { Publisher } from "../streams/publisher.ts";
import type { Topology } from "../streams/topology.ts";
import type { Route } from "./api/http-server.ts";
import { latencyRoutes } from "./api/latency-routes.ts";
import type { Sections } from "./api/monitoring-routes.ts";
import { objectiveRoutes } from "./api/objective-routes.ts";
import type { Config } from "./core/config.ts";
import { durationMs } from "./core/duration.ts";
import type { Logger } from "./core/log.ts";
import type { Metrics } from "./core/metrics.ts";
import { ErrorReporter } from "./error-reporter.ts";
import { latencyReport, STEP_MS } from "./monitor/service/latency-report.ts";
import {
  type MetricQuestion,
  type ObjectiveSources,
  objectiveLevel,
} from "./monitor/service/objective-level.ts";
import type { MeasuredMetric } from "./monitor/service/service-level.ts";
import { ObjectiveGauges } from "./objective-gauges.ts";
import type { RequestErrors } from "./request-errors.ts";
import type { ServiceUrls } from "./service-urls.ts";

const REPORT_TIMEOUT_MS = 5_000;
/** What the overview of a model looks back on. */
const OVERVIEW_MS = 24 * STEP_MS.hour;
const METRIC_WINDOWS_MAX = 10_000;

export interface MonitoringOptions {
  readonly config: Config;
  readonly urls: ServiceUrls;
  readonly streams: {
    readonly connection: { readonly nats: NatsConnection };
    readonly publisher: Publisher;
    readonly topology: Topology;
  };
  readonly core: { readonly metrics: Metrics; readonly errors: RequestErrors };
  readonly registry: Pick<ModelRegistry, "show">;
  readonly logger: Logger;
}

export interface Monitoring {
  readonly routes: readonly Route[];
  /** Of the overview of a model. */
  readonly sections: Sections;
  /** Reports what is left of the failed requests: before the publisher is closed. */
  stop(): Promise<void>;
}

/** @throws EngineError SERVICE_UNAVAILABLE when NATS cannot be reached. */
export async function startServiceLevels(options: MonitoringOptions): Promise<Monitoring> {
  const { config, urls, streams, core, registry, logger } = options;
  const { database, prefix } = config;
  const client = openClickHouse(urls.clickhouse);
  const objectives = await openObjectiveRegistry(streams.connection.nats, { prefix });
  const listObjectives = async () => objectives.list();
  const sources = objectiveSources(client, database);
  const reporter = startErrorReports(options);
  const gauges = new ObjectiveGauges({
    metrics: core.metrics,
    listObjectives,
    sources,
    logger: logger.child({ component: "service levels" }),
  });
  const traffic = async (question: TrafficQuestion) => readTraffic(client, database, question);
  const errors = async (question: TrafficQuestion) => readRequestErrors(client, database, question);
  return {
    sections: {
      latency: async (model) => {
        const to = Math.ceil(Date.now() / STEP_MS.hour) * STEP_MS.hour;
        const asked = {
          model,
          from: to - OVERVIEW_MS,
          to,
          step: "hour" as const,
          version: undefined,
          variant: undefined,
        };
        const [found, failed] = await Promise.all([traffic(asked), errors(asked)]);
        const { from, total } = latencyReport({ ...asked, traffic: found, errors: failed });
        return { from, to: new Date(to).toISOString(), ...total };
      },
      sla: async (model) => {
        const own = (await listObjectives()).filter((objective) => objective.model === model);
        return Promise.all(own.map(async (objective) => objectiveLevel(objective, sources, Date.now())));
      },
    },
    routes: [
      ...objectiveRoutes(objectives),
      ...latencyRoutes({
        checkModel: async (name) => {
          await registry.show(name);
        },
        readTraffic: traffic,
        readErrors: errors,
        listObjectives,
        objectiveSources: sources,
      }),
    ],
    stop: async () => {
      await Promise.all([reporter.stop(), gauges.stop()]);
      await client.close();
    },
  };
}

export function objectiveSources(client: ClickHouse, database: string): ObjectiveSources {
  const performance = new PerformanceStore(client, database);
  return {
    readMinutes: async (question) => readServiceMinutes(client, database, question),
    readMetric: async (question) => readMetric(performance, question),
  };
}

/** The metric in each mature window of the objective's length, from labels, over all versions and variants. */
async function readMetric(
  performance: PerformanceStore,
  { model, metric, window, from, to }: MetricQuestion,
): Promise<MeasuredMetric[]> {
  const question = { model, metric, fromMs: from, toMs: to, slice: "", rowsMax: METRIC_WINDOWS_MAX };
  const rows = await performance.read({ ...question, version: undefined, variant: undefined });
  const lengthS = (durationMs(window) as number) / 1000;
  return rows
    .filter(
      (row) => row.kind === "realised" && row.is_mature && row.window_end - row.window_start === lengthS,
    )
    .map(({ window_start, value, low, high, reason }) => ({
      time: window_start * 1000,
      value: {
        value,
        ...(value === null ? { reason } : {}),
        ...(low === null || high === null ? {} : { interval: { low, high } }),
      },
    }));
}

function startErrorReports({ streams, core, logger }: MonitoringOptions): ErrorReporter {
  const { publisher, topology } = streams;
  return new ErrorReporter({
    errors: core.errors,
    publish: async (id, payload) =>
      publisher.publish({ subject: topology.errorsSubject, id, payload }, { timeoutMs: REPORT_TIMEOUT_MS }),
    logger: logger.child({ component: "error reports" }),
  });
}
