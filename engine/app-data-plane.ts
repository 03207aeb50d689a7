/**
 * Builds the data plane and starts it: HTTP, gRPC, NATS, batching, workers, the prediction log. Nothing else.
 *
 * Start: streams, then HTTP (which says that it is not ready yet), models loaded and warm, gRPC and NATS entrances. Stop, in
 * reverse: entrances close, rows in the engine are answered, the log is flushed, threads and connections end.
 * Bound: a stop waits STOP_WAIT_MS for rows.
 */
import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { type JetStreamClient, type JetStreamManager, jetstream } from "@nats-io/jetstream";
import { openClickHouse } from "../storage/clickhouse.ts";
import { ClickHouseFeatureHistory } from "../storage/clickhouse-feature-history.ts";
import type { FeatureRegistry } from "../storage/feature-registry.ts";
import { readFieldStatistics, type StatisticsQuestion } from "../storage/field-statistics.ts";
import type { ModelRegistry } from "../storage/model-registry.ts";
import { type PerformanceQuestion, PerformanceStore } from "../storage/performance-store.ts";
import { openStreams, type StreamsConnection } from "../streams/connection.ts";
import { startPredictService } from "../streams/predict-service.ts";
import { ID_HEADER_BYTES, Publisher } from "../streams/publisher.ts";
import { RequestConsumer } from "../streams/request-consumer.ts";
import { ResultPublisher } from "../streams/result-publisher.ts";
import { createTopology, ensureStreams, type Topology } from "../streams/topology.ts";
import { WorkerPool } from "../workers/pool.ts";
import type { HttpServer } from "./api/http-server.ts";
import {
  createEntityReader,
  type IngestWatch,
  openFilling,
  openServingStore,
  watchIngest,
} from "./app-features.ts";
import { startGrpcServer } from "./app-grpc.ts";
import { startHealthChecks } from "./app-health.ts";
import { createHttpServer } from "./app-http.ts";
import { followFeatureSets, openFeatures, startIngest } from "./app-ingest.ts";
import { openLoadingRegistry } from "./app-registry.ts";
import { type Monitoring, startServiceLevels } from "./app-service-levels.ts";
import { openWatching } from "./app-watching.ts";
import { createWebSocketServer } from "./app-ws.ts";
import type { Config } from "./core/config.ts";
import type { EntityStore } from "./core/entity-store.ts";
import type { Logger } from "./core/log.ts";
import { Metrics } from "./core/metrics.ts";
import { CanaryWatch } from "./deployments/canary-watch.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Explainer } from "./explainer.ts";
import { ActiveSets } from "./features/active-sets.ts";
import type { EntityReader } from "./features/entity-reader.ts";
import type { FindFeatureSet } from "./features/feature-lookup.ts";
import { FeatureStage } from "./features/feature-stage.ts";
import { Models, type WantedModel } from "./models.ts";
import { handleServiceRequest, handleStreamRequest } from "./nats-predict.ts";
import { Inference } from "./oip/inference.ts";
import { exposeTritonMetrics } from "./oip/triton-metrics.ts";
import { Predictor } from "./predict.ts";
import { PredictionLog } from "./prediction-log.ts";
import type { Readiness } from "./readiness.ts";
import { RequestErrors } from "./request-errors.ts";
import type { ServiceUrls } from "./service-urls.ts";
import { VERSION } from "./version.ts";

const STOP_WAIT_MS = 15_000;
const STOP_POLL_MS = 10;
/** Long enough for a client to send its next request on a connection and to learn that it closes. */
const LINGER_MS = 250;
const MODEL_LOAD_TIMEOUT_MS = 120_000;

export interface DataPlane {
  readonly httpUrl: string;
  /** Host and port, as clients of gRPC take them. */
  readonly grpcAddress: string;
  readonly registry: ModelRegistry;
  readonly featureRegistry: FeatureRegistry;
  readonly models: Models;
  readonly readiness: Readiness;
  stop(): Promise<void>;
}

interface Streams {
  readonly connection: StreamsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly publisher: Publisher;
  readonly topology: Topology;
}

/** Where definitions and values of features come from. */
interface FeatureSource {
  readonly store: EntityStore;
  readonly findSet: FindFeatureSet;
}

interface CoreSources {
  readonly registry: ModelRegistry;
  readonly features: FeatureSource;
  readonly metrics: Metrics;
}

/** The parts that a row passes through. */
interface Core {
  readonly metrics: Metrics;
  readonly pool: WorkerPool;
  readonly log: PredictionLog;
  readonly dispatcher: Dispatcher;
  readonly models: Models;
  readonly reader: EntityReader;
  readonly predictor: Predictor;
  readonly inference: Inference;
  readonly errors: RequestErrors;
}

/** @throws EngineError SERVICE_UNAVAILABLE when a service cannot be reached or the port cannot be had. */
export async function startDataPlane(config: Config, urls: ServiceUrls, logger: Logger): Promise<DataPlane> {
  const streams = await connectStreams(config, urls.nats, logger);
  const { connection, topology } = streams;
  const registry = await openLoadingRegistry(config, connection.nats);
  const ingestParts = { ...streams, nats: connection.nats };
  const featureRegistry = await openFeatures(config, ingestParts);
  const metrics = new Metrics();
  const store = openServingStore(config, urls.redis, metrics, logger);
  const findSet: FindFeatureSet = async (name, version) => (await featureRegistry.get(name, version)).set;
  const sets = new ActiveSets();
  const setsWatch = await followFeatureSets(featureRegistry, sets, logger);
  const ingesting = { config, urls, parts: ingestParts, store, sets, logger };
  const ingest = urls.redis === undefined ? startIngest(ingesting, "own") : undefined;
  const ingestWatch = watchIngest(connection.nats, topology, ingest);
  const core = createCore(config, streams, { registry, features: { store, findSet }, metrics }, logger);
  const health = startHealthChecks({ urls, core, ingest: ingestWatch, connection, topology, logger });
  const { readiness } = health;
  const serviceLevels = await startServiceLevels({ config, urls, streams, core, registry, logger });
  const registries = { registry, featureRegistry, sets, store, ingest: ingestWatch };
  const plane = { config, urls, streams, core, readiness, logger, ...registries };
  const { http, port, history, webSockets } = await serveHttp({ ...plane, serviceLevels });
  const watch = await followRegistry(registry, core.models, logger);
  const service = await startPredictService(connection.nats, topology, VERSION, (request) =>
    handleServiceRequest(request, { ...core, timeoutMs: config.timeoutMs }),
  );
  const grpc = await startGrpcServer(plane); // while the models are loaded
  await core.models.settled();
  const consumer = startRequestConsumer(config, streams, core, logger);
  const stop = async (): Promise<void> => {
    readiness.stop();
    await consumer.stop();
    await service.stop();
    await Promise.all([drainHttp(http, core.dispatcher, consumer), grpc.stop()]);
    await core.predictor.explainer.drain();
    http.close();
    await webSockets.stopped();
    core.predictor.close();
    await core.log.drain();
    await serviceLevels.stop();
    await watch.stop();
    health.stop();
    await history.close();
    await closeCore(core);
    await setsWatch.stop();
    await ingest?.stop();
    await store.close();
    streams.publisher.close();
    await connection.close();
  };
  return {
    httpUrl: `http://${config.httpHost}:${port}`,
    grpcAddress: `${config.httpHost}:${grpc.port}`,
    registry,
    featureRegistry,
    models: core.models,
    readiness,
    stop,
  };
}

async function closeCore({ models, dispatcher, pool }: Core): Promise<void> {
  models.close();
  dispatcher.close();
  await pool.close();
}

interface HttpParts {
  readonly config: Config;
  readonly urls: ServiceUrls;
  readonly streams: Streams;
  readonly registry: ModelRegistry;
  readonly featureRegistry: FeatureRegistry;
  readonly sets: ActiveSets;
  readonly store: EntityStore;
  readonly ingest: IngestWatch;
  readonly core: Core;
  readonly serviceLevels: Monitoring;
  readonly readiness: Readiness;
  readonly logger: Logger;
}

/** Listens; it says that it is not ready yet. */
async function serveHttp({ streams, store, ingest, ...parts }: HttpParts) {
  const { config, urls, core } = parts;
  const { nats } = streams.connection;
  const history = openHistory(config, urls);
  const filling = openFilling(nats, streams.topology, ingest, store);
  const watching = await openWatching({
    ...parts,
    parts: { ...streams, nats },
    clickhouse: history.client,
    metrics: core.metrics,
  });
  const webSockets = createWebSocketServer({ ...parts, streams, checkModel: watching.labels.checkModel });
  const http = createHttpServer({ ...parts, ...history, ...watching, filling, webSockets });
  const port = await http.listen(config.httpHost, config.httpPort ?? 0);
  return { http, port, history, webSockets };
}

/** What is asked of the tables, over a connection of its own. */
function openHistory({ database }: Config, urls: ServiceUrls) {
  const client = openClickHouse(urls.clickhouse);
  const performance = new PerformanceStore(client, database);
  return {
    client,
    history: new ClickHouseFeatureHistory(client, database),
    readStatistics: async (question: StatisticsQuestion) => readFieldStatistics(client, database, question),
    readPerformance: async (question: PerformanceQuestion) => performance.read(question),
    close: async () => client.close(),
  };
}

async function connectStreams(config: Config, url: string, logger: Logger): Promise<Streams> {
  const connection = await openStreams(url, "millrace data plane", logger);
  const client = jetstream(connection.nats);
  const manager = await client.jetstreamManager();
  const topology = createTopology(config.prefix);
  await ensureStreams(manager, topology, config.streamBytesMax);
  return { connection, client, manager, publisher: new Publisher(connection.nats), topology };
}

function createCore(
  config: Config,
  { publisher, topology }: Streams,
  { registry, features, metrics }: CoreSources,
  logger: Logger,
): Core {
  const lanes = config.workers > 0 ? config.workers : Math.max(1, availableParallelism() - 1);
  let wake = (): void => undefined;
  const pool = new WorkerPool(
    {
      lanes,
      taskTimeoutMs: config.workerTimeoutMs,
      loadTimeoutMs: MODEL_LOAD_TIMEOUT_MS,
      logger: logger.child({ component: "workers" }),
    },
    () => wake(),
  );
  const errors = new RequestErrors();
  const log = createLog(config, publisher, topology);
  const dispatcher = new Dispatcher({
    pool,
    log,
    rowsMax: config.queueRowsMax,
    answerFirst: config.logAck === "after-response",
    logger: logger.child({ component: "dispatcher" }),
    failures: metrics.counter("engine_failed_rows_total", "Rows accepted and answered with an error."),
    errors,
  });
  wake = () => dispatcher.wake();
  const models = new Models({
    pool,
    dispatcher,
    loadArtifact: async (name, version) => registry.load(name, version),
    findFeatureSet: async (name, version) => features.findSet(name, version),
    batchRowsMax: config.batchRowsMax,
    metrics,
    logger: logger.child({ component: "models" }),
  });
  if (config.tritonMetrics === "on") exposeTritonMetrics(metrics, models);
  const reader = createEntityReader(config, features.store, metrics, logger);
  const stage = new FeatureStage({ reader, dispatcher, errors, rowsMax: config.batchRowsMax });
  const explainer = new Explainer(pool, logger.child({ component: "explainer" }));
  const predictor = new Predictor({ models, explainer, dispatcher, stage, errors });
  const inference = new Inference({ predictor, models, instancesMax: config.instancesMax });
  return { metrics, pool, log, dispatcher, models, reader, predictor, inference, errors };
}

function createLog(config: Config, publisher: Publisher, topology: Topology): PredictionLog {
  const messageBytesMax = publisher.payloadBytesMax - ID_HEADER_BYTES;
  return new PredictionLog({
    engineId: randomUUID(),
    blockBytesMax: Math.min(config.logBlockBytesMax, messageBytesMax),
    messageBytesMax,
    publish: async (id, block) =>
      publisher.publish(
        { subject: topology.logSubject, id, payload: block },
        { timeoutMs: config.logTimeoutMs },
      ),
  });
}

/** Loads what the registry says, and watches canaries. */
async function followRegistry(
  registry: ModelRegistry,
  models: Models,
  logger: Logger,
): Promise<{ stop(): Promise<void> }> {
  const wanted = new Map<string, WantedModel>();
  const canaries = new CanaryWatch({
    models,
    registry,
    clock: () => Date.now(),
    ticks: () => performance.now(),
    logger: logger.child({ component: "canaries" }),
  });
  const watch = await registry.watch(
    ({ name, aliases, canary, warm }) => {
      wanted.set(name, {
        name,
        aliases: Object.fromEntries(Object.entries(aliases).map(([alias, to]) => [alias, to.version])),
        canary,
        warm,
      });
      models.follow([...wanted.values()]);
    },
    (error) => logger.warn({ err: error }, "the registry cannot be followed, trying again"),
  );
  return {
    stop: async () => {
      await canaries.stop();
      await watch.stop();
    },
  };
}

function startRequestConsumer(
  config: Config,
  { connection, client, manager, publisher, topology }: Streams,
  { predictor, inference }: Core,
  logger: Logger,
): RequestConsumer {
  const log = logger.child({ component: "requests" });
  const results = new ResultPublisher(connection.nats, publisher, log);
  const consumer = new RequestConsumer({
    jetstream: client,
    manager,
    publisher,
    topology,
    inFlightMax: config.streamInFlightMax,
    hasRoom: () => predictor.room > 0,
    onRequest: (request) =>
      handleStreamRequest(request, {
        predictor,
        prefix: config.prefix,
        deliveriesMax: config.streamDeliveriesMax,
        inference,
        publishResult: (result, request) => {
          const subject = topology.predictionsSubject(request.model);
          results.publish({ ...result, subject, replyTo: request.replyTo, request });
        },
      }),
    logger: log,
  });
  consumer.start();
  return consumer;
}

/** No new connections; connections that are open end with their next answer; rows in the engine are answered. */
async function drainHttp(http: HttpServer, dispatcher: Dispatcher, consumer: RequestConsumer): Promise<void> {
  http.stopListening();
  const giveUpMs = performance.now() + STOP_WAIT_MS;
  let quietSinceMs = performance.now();
  while (performance.now() < giveUpMs && performance.now() - quietSinceMs < LINGER_MS) {
    if (http.open > 0 || dispatcher.rows > 0 || consumer.inFlight > 0) quietSinceMs = performance.now();
    await delay(STOP_POLL_MS);
  }
}
