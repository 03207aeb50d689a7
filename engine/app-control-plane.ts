/**
 * Builds the control plane and starts it: the sinks, the ingester of a shared feature store, the analysts' views, the
 * trimming of streams.
 */
import { type JetStreamManager, jetstream } from "@nats-io/jetstream";
import { type ClickHouse, openClickHouse } from "../storage/clickhouse.ts";
import { migrate } from "../storage/migrate.ts";
import { type ModelRegistry, openModelRegistry } from "../storage/model-registry.ts";
import { replaceModelView } from "../storage/model-view.ts";
import { PredictionStore } from "../storage/prediction-store.ts";
import { RowStore } from "../storage/row-store.ts";
import { AUDIT_LOG, FEATURE_VALUES, LABELS, REQUEST_ERRORS } from "../storage/sink-tables.ts";
import { openStreams, type StreamsConnection } from "../streams/connection.ts";
import { LogReader } from "../streams/log-reader.ts";
import { Publisher } from "../streams/publisher.ts";
import { settledRequests } from "../streams/request-consumer.ts";
import { publishSinkStatus } from "../streams/status.ts";
import { createTopology, ensureStreams, type Topology } from "../streams/topology.ts";
import { type DonePosition, Trimmer } from "../streams/trim.ts";
import { startAlerts } from "./app-alerts.ts";
import { startDeployments } from "./app-deployments.ts";
import type { RunningIngest } from "./app-ingest.ts";
import { startIngestThread } from "./app-ingest-thread.ts";
import { type RunningMonitor, startMonitor } from "./app-monitor.ts";
import { followReferenceBins } from "./app-references.ts";
import { startTrainer } from "./app-trainer.ts";
import { startTriggers } from "./app-triggers.ts";
import type { Config } from "./core/config.ts";
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import { Metrics } from "./core/metrics.ts";
import { readFeatureValueRows } from "./features/feature-value-rows.ts";
import { readLabelRows } from "./labels/label-rows.ts";
import { RecentLabels } from "./labels/recent-labels.ts";
import { ModelUpdates } from "./model-updates.ts";
import { readPredictionRows } from "./prediction-rows.ts";
import { RecentIds } from "./recent-ids.ts";
import { readAuditRows, readRequestErrorRows } from "./record-rows.ts";
import type { ServiceUrls } from "./service-urls.ts";
import { Sink, type SinkOptions } from "./sink.ts";

const STATUS_MS = 1_000;
const TRIM_MS = 15_000;
const VIEW_RETRY_MS = 2_000;
const RECENT_REPORTS_MAX = 4_096;
const RECENT_ENTRIES_MAX = 65_536;

export interface ControlPlane {
  /** Finishes the insert under way and closes. */
  stop(): Promise<void>;
}

/** @throws EngineError SERVICE_UNAVAILABLE when NATS cannot be reached; ClickHouse is waited for. */
export async function startControlPlane(
  config: Config,
  urls: ServiceUrls,
  logger: Logger,
): Promise<ControlPlane> {
  const connection = await openStreams(urls.nats, "millrace control plane", logger);
  const client = jetstream(connection.nats);
  const manager = await client.jetstreamManager();
  const publisher = new Publisher(connection.nats);
  const topology = createTopology(config.prefix);
  await ensureStreams(manager, topology, config.streamBytesMax);
  const clickhouse = openClickHouse(urls.clickhouse);
  const prepare = migrateOnce(clickhouse, config.database, logger.child({ component: "migrations" }));
  let monitor: RunningMonitor | undefined;
  let status: RunningStatus | undefined;
  const reading = { manager, publisher, connection, topology, bytesMax: config.sinkBytesMax };
  const reader = new LogReader(reading);
  const sinks = createSinks(config, clickhouse, reader, {
    ...otherReaders(reading),
    onPredictions: (rows) => monitor?.stored(rows),
    onResumed: () => status?.tell(),
    prepare,
    logger,
  });
  const { predictions } = sinks;
  const stopping = new AbortController();
  const running = Promise.all(Object.values(sinks).map(async (sink) => sink.run(stopping.signal)));
  status = startStatus(connection, topology, reader, predictions);
  const ingest = await startIngest(config, urls, logger);
  const trimming = startTrimming(manager, topology, { ...sinks, ingest }, logger);
  const views = await followViews(config, connection.nats, { clickhouse, prepare }, logger);
  const references = await followReferenceBins(config, connection.nats, clickhouse, logger);
  const parts = { config, nats: connection.nats, client, manager, publisher, topology, clickhouse, logger };
  const alerts = await startAlerts({ ...parts, metrics: new Metrics() });
  const retraining = await startTriggers(parts);
  const deployments = await startDeployments(parts);
  const trainer = await startTrainer({ ...parts, urls });
  monitor = await startMonitor({
    ...parts,
    reader,
    sinkProgress: () => predictions.progress,
    alerts: alerts.desk,
    triggers: retraining.triggers,
  });
  const stop = async (): Promise<void> => {
    stopping.abort();
    await monitor?.stop();
    for (const part of [trainer, deployments, retraining, alerts]) await part.stop();
    status?.stop();
    clearInterval(trimming);
    await views.stop();
    await references.stop();
    await ingest?.stop();
    await running;
    await clickhouse.close();
    publisher.close();
    await connection.close();
  };
  return { stop };
}

function otherReaders(
  reading: ConstructorParameters<typeof LogReader>[0] & { readonly topology: Topology },
): Pick<OtherReaders, "features" | "labels" | "errors" | "audit"> {
  const { featuresStream, labelsStream, errorsStream, auditStream } = reading.topology;
  const of = (stream: string): LogReader => new LogReader({ ...reading, stream });
  return {
    features: of(featuresStream),
    labels: of(labelsStream),
    errors: of(errorsStream),
    audit: of(auditStream),
  };
}

/** Without Redis each data plane has its own. */
async function startIngest(
  config: Config,
  urls: ServiceUrls,
  logger: Logger,
): Promise<RunningIngest | undefined> {
  const { redis } = urls;
  return redis === undefined ? undefined : startIngestThread(config, { ...urls, redis }, logger);
}

interface RunningStatus {
  /** Now, and not only at the next second. */
  tell(): void;
  stop(): void;
}

/** Nothing is told before the sink has resumed: until then there may be no tables. */
function startStatus(
  { nats }: StreamsConnection,
  topology: Topology,
  reader: LogReader,
  sink: Sink,
): RunningStatus {
  const tell = (): void => {
    if (sink.progress.epoch === 0) return;
    void reader
      .position()
      .then(({ lastSeq }) =>
        publishSinkStatus(nats, topology, {
          lagMessages: Math.max(0, lastSeq - sink.progress.seq),
          ...sink.progress,
        }),
      )
      .catch(() => undefined); // told again in a second, unless this stops
  };
  const timer = setInterval(tell, STATUS_MS);
  return { tell, stop: () => clearInterval(timer) };
}

interface Sinks {
  readonly predictions: Sink;
  readonly features: Sink;
  readonly labels: Sink;
  readonly errors: Sink;
  readonly audit: Sink;
}

interface OtherReaders {
  readonly features: LogReader;
  readonly labels: LogReader;
  readonly errors: LogReader;
  readonly audit: LogReader;
  readonly onPredictions: SinkOptions["onStored"];
  readonly onResumed: SinkOptions["onResumed"];
  readonly prepare: () => Promise<void>;
  readonly logger: Logger;
}

function createSinks(
  config: Config,
  clickhouse: ClickHouse,
  log: LogReader,
  { features, labels, errors, audit, onPredictions, onResumed, prepare, logger }: OtherReaders,
): Sinks {
  const { database } = config;
  const createRecentIds = (capacity: number): RecentIds => new RecentIds(capacity);
  return {
    predictions: createSink(config, prepare, log, {
      rows: new PredictionStore(clickhouse, database),
      rowsOf: readPredictionRows,
      onStored: onPredictions,
      onResumed,
      recentIdsMax: config.sinkDedupRowsMax,
      createRecent: createRecentIds,
      logger: logger.child({ component: "sink" }),
    }),
    features: createSink(config, prepare, features, {
      rows: new RowStore(clickhouse, database, FEATURE_VALUES),
      rowsOf: readFeatureValueRows,
      recentIdsMax: config.featureRecentIdsMax, // as the ingester: both must drop the same
      createRecent: createRecentIds,
      logger: logger.child({ component: "feature sink" }),
    }),
    labels: createSink(config, prepare, labels, {
      rows: new RowStore(clickhouse, database, LABELS),
      rowsOf: readLabelRows,
      recentIdsMax: config.labelRecentIdsMax,
      createRecent: (capacity) => new RecentLabels(capacity),
      logger: logger.child({ component: "label sink" }),
    }),
    errors: createSink(config, prepare, errors, {
      rows: new RowStore(clickhouse, database, REQUEST_ERRORS),
      rowsOf: readRequestErrorRows,
      recentIdsMax: RECENT_REPORTS_MAX,
      createRecent: createRecentIds,
      logger: logger.child({ component: "error sink" }),
    }),
    audit: createSink(config, prepare, audit, {
      rows: new RowStore(clickhouse, database, AUDIT_LOG),
      rowsOf: readAuditRows,
      recentIdsMax: RECENT_ENTRIES_MAX,
      createRecent: createRecentIds,
      logger: logger.child({ component: "audit sink" }),
    }),
  };
}

interface Copied
  extends Pick<
    SinkOptions,
    "rowsOf" | "onStored" | "onResumed" | "recentIdsMax" | "createRecent" | "logger"
  > {
  readonly rows: RowStore;
}

/** What is asked for while the schema is brought up to date waits for that, and begins nothing of its own. */
function migrateOnce(clickhouse: ClickHouse, database: string, logger: Logger): () => Promise<void> {
  let running: Promise<void> | undefined;
  return async () => {
    running ??= migrate(clickhouse, database, logger).finally(() => {
      running = undefined;
    });
    return running;
  };
}

function createSink(
  config: Config,
  prepare: () => Promise<void>,
  source: LogReader,
  { rows, ...copied }: Copied,
): Sink {
  return new Sink({
    source,
    store: {
      prepare,
      insert: async (bytes, token) => rows.insert(bytes, token),
      runningInserts: async () => rows.runningInserts(),
      lastSeq: async (epoch) => rows.lastSeq(epoch),
      recentIds: async (limit) => rows.recentIds(limit),
    },
    rowsMax: config.sinkRowsMax,
    bytesMax: config.sinkBytesMax,
    flushMs: config.sinkFlushMs,
    ...copied,
  });
}

interface Done extends Sinks {
  readonly ingest: RunningIngest | undefined;
}

/** Events are done with once they are in ClickHouse and in the states. */
function leastDone({ progress }: Sink, ingest: RunningIngest | undefined): DonePosition {
  if (ingest === undefined) return progress;
  const { epoch, seq } = ingest.progress;
  return { epoch: progress.epoch, seq: epoch === progress.epoch ? Math.min(seq, progress.seq) : 0 };
}

function startTrimming(
  manager: JetStreamManager,
  topology: Topology,
  { predictions, features, labels, audit, ingest }: Done,
  logger: Logger,
): NodeJS.Timeout {
  const events = new Trimmer(manager, topology.featuresStream, "history");
  const log = new Trimmer(manager, topology.logStream);
  const labelled = new Trimmer(manager, topology.labelsStream);
  const changes = new Trimmer(manager, topology.auditStream);
  const requests = new Trimmer(manager, topology.requestsStream);
  const trim = async (): Promise<void> => {
    await log.advance(predictions.progress, Date.now());
    await events.advance(leastDone(features, ingest), Date.now());
    await labelled.advance(labels.progress, Date.now());
    await changes.advance(audit.progress, Date.now());
    await requests.advance(await settledRequests(manager, topology), Date.now());
  };
  return setInterval(() => {
    trim().catch((error: unknown) =>
      logger.warn({ err: messageOf(error) }, "streams could not be trimmed, trying again"),
    );
  }, TRIM_MS);
}

/** Keeps one view per model up to date; a change is tried again until ClickHouse has taken it, and holds up no other model's. */
async function followViews(
  config: Config,
  nats: Parameters<typeof openModelRegistry>[0],
  { clickhouse, prepare }: { readonly clickhouse: ClickHouse; readonly prepare: () => Promise<void> },
  logger: Logger,
): Promise<{ stop(): Promise<void> }> {
  const registry = await openModelRegistry(nats, { prefix: config.prefix });
  const updates = new ModelUpdates(
    async (name) => {
      await prepare(); // the tables that it is a view of
      await updateView(config.database, registry, clickhouse, name);
    },
    logger.child({ component: "views" }),
  );
  const timer = setInterval(() => updates.run(), VIEW_RETRY_MS);
  const watch = await registry.watch(({ name }) => updates.changed(name));
  return {
    stop: async () => {
      clearInterval(timer);
      await watch.stop();
      await updates.stop();
    },
  };
}

async function updateView(
  database: string,
  registry: ModelRegistry,
  clickhouse: ClickHouse,
  name: string,
): Promise<void> {
  const { records } = await registry.show(name);
  await replaceModelView(
    clickhouse,
    database,
    name,
    records.map((record) => record.manifest),
  );
}
