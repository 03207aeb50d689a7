/**
 * Builds the HTTP server of a data plane: every route, with what it needs.
 */
import type { FeatureRegistry } from "../storage/feature-registry.ts";
import type { ModelRegistry } from "../storage/model-registry.ts";
import type { WorkerPool } from "../workers/pool.ts";
import { alertRoutes } from "./api/alert-routes.ts";
import { alertRuleRoutes } from "./api/alert-rule-routes.ts";
import { deployRoutes } from "./api/deploy-routes.ts";
import { docsRoutes } from "./api/docs-routes.ts";
import { featureRoutes } from "./api/feature-routes.ts";
import { featureSetRoutes } from "./api/feature-set-routes.ts";
import { historicalRoutes } from "./api/historical-routes.ts";
import { type ConnectionTaker, HttpServer, type Route } from "./api/http-server.ts";
import { type LabelRoutesOptions, labelRoutes } from "./api/label-routes.ts";
import { type Filling, materializeRoutes } from "./api/materialize-routes.ts";
import { modelRoutes } from "./api/model-routes.ts";
import { type MonitoringRoutesOptions, monitoringRoutes } from "./api/monitoring-routes.ts";
import { oipInferRoutes } from "./api/oip-infer-routes.ts";
import { oipRepositoryRoutes } from "./api/oip-repository-routes.ts";
import { oipRoutes } from "./api/oip-routes.ts";
import { type PerformanceRoutesOptions, performanceRoutes } from "./api/performance-routes.ts";
import { predictRoutes } from "./api/predict-routes.ts";
import { referenceRoutes } from "./api/reference-routes.ts";
import { retrainRoutes } from "./api/retrain-routes.ts";
import { createSenderCheck } from "./api/sender-check.ts";
import { statisticsRoutes } from "./api/statistics-routes.ts";
import { statusRoutes } from "./api/status-routes.ts";
import { trainingRoutes } from "./api/training-routes.ts";
import { webSocketRoute } from "./api/ws-server.ts";
import type { Alerts } from "./app-alerts.ts";
import type { References } from "./app-references.ts";
import type { Monitoring } from "./app-service-levels.ts";
import { parseRequestedSpec } from "./app-training-specs.ts";
import type { Config } from "./core/config.ts";
import type { FeatureHistory } from "./core/feature-history.ts";
import { type Logger, withoutCredentials } from "./core/log.ts";
import type { Metrics } from "./core/metrics.ts";
import type { ActiveSets } from "./features/active-sets.ts";
import type { EntityReader } from "./features/entity-reader.ts";
import type { ReadFieldStatistics } from "./features/feature-statistics.ts";
import type { Models } from "./models.ts";
import type { Inference } from "./oip/inference.ts";
import { Repository } from "./oip/repository.ts";
import type { Predictor } from "./predict.ts";
import type { Readiness } from "./readiness.ts";
import type { Triggers } from "./retraining/triggers.ts";
import type { ServiceUrls } from "./service-urls.ts";
import type { TrainingJobs } from "./train/training-jobs.ts";
import { VERSION } from "./version.ts";

export interface HttpOptions {
  readonly config: Config;
  readonly urls: ServiceUrls;
  readonly core: {
    readonly metrics: Metrics;
    readonly pool: WorkerPool;
    readonly models: Models;
    readonly reader: EntityReader;
    readonly predictor: Predictor;
    readonly inference: Inference;
  };
  readonly registry: ModelRegistry;
  readonly references: References;
  readonly featureRegistry: FeatureRegistry;
  readonly history: FeatureHistory;
  readonly readStatistics: ReadFieldStatistics;
  readonly labels: Omit<LabelRoutesOptions, "bodyBytesMax">;
  readonly readPerformance: PerformanceRoutesOptions["readPerformance"];
  readonly sets: ActiveSets;
  readonly filling: Filling;
  readonly triggers: Triggers;
  readonly training: TrainingJobs;
  readonly alerts: Alerts;
  readonly monitoring: MonitoringRoutesOptions;
  readonly serviceLevels: Pick<Monitoring, "routes" | "sections">;
  readonly readiness: Readiness;
  readonly webSockets: ConnectionTaker;
  readonly logger: Logger;
}

export function createHttpServer(options: HttpOptions): HttpServer {
  const { config, urls, core, registry, references, readiness, logger } = options;
  const { metrics, models, predictor } = core;
  const { bodyBytesMax, instancesMax, timeoutMs } = config;
  const addresses = shownAddresses(config, urls);
  const routes: Route[] = [
    ...predictRoutes({ predictor, bodyBytesMax, instancesMax, timeoutMs }),
    ...statusRoutes({
      info: () => ({ name: "millrace", version: VERSION, addresses }),
      readiness,
      metrics,
      models,
      routes: () => routes,
    }),
    webSocketRoute,
    ...docsRoutes(() => routes),
    ...versionRoutes(config, core, registry, references),
    ...openInferenceRoutes(options),
    ...onlineFeatureRoutes(options),
    ...watchRoutes(options),
  ];
  const checkSender = createSenderCheck(config.httpHost, config.httpNames?.split(",") ?? []);
  return new HttpServer(
    routes,
    metrics,
    logger.child({ component: "http" }),
    checkSender,
    options.webSockets,
  );
}

/** Of models, and what belongs to a version of one. */
function versionRoutes(
  { artifactBytesMax }: Config,
  { pool, models }: HttpOptions["core"],
  registry: ModelRegistry,
  references: References,
): Route[] {
  return [
    ...modelRoutes({ registry, references: references.store, pool, models, artifactBytesMax }),
    ...deployRoutes({ registry }),
    ...referenceRoutes({ registry, ...references }),
  ];
}

/** The Open Inference Protocol. */
function openInferenceRoutes({ core, readiness, config, registry }: HttpOptions): Route[] {
  const { models, inference } = core;
  const { bodyBytesMax, timeoutMs } = config;
  return [
    ...oipRoutes({ models, readiness, rowsMax: inference.rowsMax }),
    ...oipInferRoutes({ inference, bodyBytesMax, timeoutMs }),
    ...oipRepositoryRoutes({ repository: new Repository({ registry, models }), models, bodyBytesMax }),
  ];
}

/** Feature sets, and what is known of entities now and then. */
function onlineFeatureRoutes({
  config,
  core,
  registry,
  featureRegistry,
  history,
  readStatistics,
  sets,
  filling,
}: HttpOptions): Route[] {
  return [
    ...featureSetRoutes({
      registry: featureRegistry,
      models: registry,
      lacking: async () => {
        const keys = await filling.knownColumns();
        return keys === undefined ? [] : sets.lacking(keys);
      },
    }),
    ...materializeRoutes(filling),
    ...statisticsRoutes({ sets, read: readStatistics }),
    ...historicalRoutes({ registry: featureRegistry, history, bodyBytesMax: config.bodyBytesMax }),
    ...featureRoutes({
      reader: core.reader,
      findActive: (reference) => sets.find(reference),
      entitiesMax: config.featureBatchEntitiesMax,
      bodyBytesMax: config.bodyBytesMax,
    }),
  ];
}

/** How models do, and what follows from it. */
function watchRoutes({
  monitoring,
  readPerformance,
  serviceLevels,
  alerts,
  triggers,
  training,
  labels,
  registry,
  config,
}: HttpOptions): Route[] {
  return [
    ...labelRoutes({ ...labels, bodyBytesMax: config.bodyBytesMax }),
    ...performanceRoutes({ readPerformance, checkModel: labels.checkModel, clock: () => Date.now() }),
    ...monitoringRoutes({ ...monitoring, sections: { ...monitoring.sections, ...serviceLevels.sections } }),
    ...serviceLevels.routes,
    ...alertRoutes(alerts),
    ...alertRuleRoutes(alerts.rules),
    ...retrainRoutes({ triggers, registry, clock: () => Date.now() }),
    ...trainingRoutes({ jobs: training, triggers, parseSpec: parseRequestedSpec, clock: () => Date.now() }),
  ];
}

/** Where everything is, as a person or a program may see it. */
export function shownAddresses(config: Config, urls: ServiceUrls): Record<string, string> {
  return {
    http: `http://${config.httpHost}:${config.httpPort}`,
    grpc: `${config.httpHost}:${config.grpcPort}`,
    nats: withoutCredentials(urls.nats),
    clickhouse: withoutCredentials(urls.clickhouse),
    ...(urls.redis === undefined ? {} : { redis: withoutCredentials(urls.redis) }),
  };
}
