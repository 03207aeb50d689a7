/**
 * Builds the monitor of a control plane: follows the references of versions, counts what the sink stores, and runs the
 * rounds of drift; what they find goes to events, alerts and triggers.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";
import type { ClickHouse } from "../storage/clickhouse.ts";
import { CountStore } from "../storage/count-store.ts";
import { openDocumentBucket } from "../storage/document-bucket.ts";
import { DriftReportStore } from "../storage/drift-report-store.ts";
import { type ModelRegistry, openModelRegistry } from "../storage/model-registry.ts";
import { openReferenceStore, type ReferenceState, type ReferenceStore } from "../storage/reference-store.ts";
import type { LogReader } from "../streams/log-reader.ts";
import type { Publisher } from "../streams/publisher.ts";
import type { Topology } from "../streams/topology.ts";
import type { AlertDesk } from "./alerts/alert-desk.ts";
import type { Config } from "./core/config.ts";
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import { ModelUpdates } from "./model-updates.ts";
import { CountKeeper, type WatchedVersion } from "./monitor/count-keeper.ts";
import { DriftMonitor, type JudgedWindow } from "./monitor/drift-monitor.ts";
import { toEvents, toObservations, toOpenIncident, toProposals } from "./monitor/drift-news.ts";
import type { Triggers } from "./monitor/triggers.ts";
import { toWatchedVersion } from "./monitor/watched-version.ts";
import type { SinkProgress, StoredRows } from "./sink.ts";

const ROUND_MS = 5_000;
const RETRY_MS = 2_000;
const PUBLISH_TIMEOUT_MS = 5_000;

export interface MonitorParts {
  readonly config: Config;
  readonly nats: NatsConnection;
  readonly clickhouse: ClickHouse;
  readonly publisher: Publisher;
  readonly topology: Topology;
  readonly reader: Pick<LogReader, "position">;
  readonly sinkProgress: () => SinkProgress;
  readonly alerts: AlertDesk;
  readonly triggers: Triggers;
  readonly logger: Logger;
}

export interface RunningMonitor {
  /** To be told of every insert of the predictions' sink. */
  stored(rows: StoredRows): void;
  /** Finishes the round under way. */
  stop(): Promise<void>;
}

/** @throws EngineError SERVICE_UNAVAILABLE when the buckets cannot be opened. */
export async function startMonitor(parts: MonitorParts): Promise<RunningMonitor> {
  const { config, nats, clickhouse, sinkProgress } = parts;
  const logger = parts.logger.child({ component: "monitor" });
  const counts = new CountStore(clickhouse, config.database);
  const keeper = new CountKeeper({ table: counts, sinkPosition: sinkProgress, logger });
  const settings = await openDocumentBucket(nats, `${config.prefix}_monitors`);
  const monitor = new DriftMonitor({
    counts,
    reports: new DriftReportStore(clickhouse, config.database),
    settingsOf: async (model) => settings.get(model),
    tell: async (window) => tell(parts, window),
    now: () => Date.now(),
    logger,
  });
  const watched = await followReferences(parts, (versions) => keeper.watch(versions), logger);
  const stopping = new AbortController();
  const running = runRounds(parts, { keeper, monitor, watched }, stopping.signal, logger);
  return {
    stored: (rows) => keeper.stored(rows),
    stop: async () => {
      stopping.abort();
      await watched.stop();
      await running;
      await keeper.settle();
    },
  };
}

interface Watched {
  versions(): readonly WatchedVersion[];
  stop(): Promise<void>;
}

interface Rounds {
  readonly keeper: CountKeeper;
  readonly monitor: DriftMonitor;
  readonly watched: Watched;
}

async function runRounds(
  parts: MonitorParts,
  { keeper, monitor, watched }: Rounds,
  signal: AbortSignal,
  logger: Logger,
): Promise<void> {
  const registry = await openModelRegistry(parts.nats, { prefix: parts.config.prefix });
  while (!signal.aborted) {
    await delay(ROUND_MS, undefined, { signal }).catch(() => undefined);
    try {
      const countedToMs = await countedTo(parts, keeper);
      const versions = watched.versions();
      if (countedToMs !== undefined) await monitor.round(versions, countedToMs);
      await propose(parts.triggers, registry, monitor, versions);
    } catch (error) {
      logger.warn({ err: messageOf(error) }, "a round of monitoring failed, trying again");
    }
  }
}

/** Predictions made until then are stored and counted; undefined when that cannot be said. */
async function countedTo(
  { reader, sinkProgress }: MonitorParts,
  keeper: CountKeeper,
): Promise<number | undefined> {
  const askedMs = Date.now();
  const { epoch, lastSeq } = await reader.position();
  if (!(await keeper.settle())) return undefined;
  const progress = sinkProgress();
  if (progress.epoch === epoch && progress.seq >= lastSeq) return askedMs;
  return keeper.loggedMs; // what is in the log behind it was logged later
}

async function tell({ publisher, topology, alerts }: MonitorParts, window: JudgedWindow): Promise<void> {
  const messages = toEvents(window.changes).map(({ kind, id, body }) => ({
    subject: topology.eventsSubject(kind),
    id,
    payload: JSON.stringify(body),
  }));
  await publisher.publishAll(messages, { timeoutMs: PUBLISH_TIMEOUT_MS });
  const observations = toObservations(window);
  if (observations.length > 0) await alerts.observe(observations, Date.now());
}

/** Of the versions that are behind an alias: what happens to the others is nobody's reason to train. */
async function propose(
  triggers: Triggers,
  registry: ModelRegistry,
  monitor: DriftMonitor,
  versions: readonly WatchedVersion[],
): Promise<void> {
  for (const model of new Set(versions.map((version) => version.model))) {
    const { aliases } = await registry.stateOf(model);
    const served = new Set(Object.values(aliases).map(({ version }) => version));
    const known = versions
      .filter((version) => version.model === model && served.has(version.version))
      .map((version) => monitor.openIncidents(version));
    if (known.includes(undefined)) continue; // none would be taken for all closed
    const incidents = known.flatMap((open) => open ?? []);
    await triggers.propose(model, toProposals(incidents), incidents.map(toOpenIncident), Date.now());
  }
}

/** Keeps the versions that have a reference, with its profile; what cannot be read now is tried again. */
async function followReferences(
  { nats, config }: MonitorParts,
  changed: (versions: readonly WatchedVersion[]) => void,
  logger: Logger,
): Promise<Watched> {
  const registry = await openModelRegistry(nats, { prefix: config.prefix });
  const store = await openReferenceStore(nats, { prefix: config.prefix });
  const states = new Map<string, ReferenceState>();
  const versions = new Map<string, WatchedVersion>();
  const updates = new ModelUpdates(async (name) => {
    const state = states.get(name);
    if (state === undefined) return;
    const version = await load(store, registry, state);
    if (version === undefined) return;
    versions.set(name, version);
    changed([...versions.values()]);
  }, logger);
  const timer = setInterval(() => updates.run(), RETRY_MS);
  const watch = await store.watch(
    (state) => {
      states.set(state.name, state);
      updates.changed(state.name);
    },
    (error) => logger.warn({ err: messageOf(error) }, "references cannot be followed, trying again"),
  );
  return {
    versions: () => [...versions.values()],
    stop: async () => {
      clearInterval(timer);
      await watch.stop();
      await updates.stop();
    },
  };
}

async function load(
  store: ReferenceStore,
  registry: ModelRegistry,
  { model, version, record }: ReferenceState,
): Promise<WatchedVersion | undefined> {
  const found = await store.get({ name: model, version });
  if (found === undefined || found.record.reference_id !== record.reference_id) return undefined; // another one came
  const { manifest } = await registry.resolve(model, version);
  return toWatchedVersion(manifest, record.reference_id, found.body);
}
