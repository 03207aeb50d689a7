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
import { openObjectiveRegistry } from "../storage/objective-registry.ts";
import { ScoreStore } from "../storage/score-store.ts";
import { requestErrorCounter } from "../storage/traffic-report.ts";
import type { LogReader } from "../streams/log-reader.ts";
import type { Publisher } from "../streams/publisher.ts";
import { publishMonitorStatus } from "../streams/status.ts";
import type { Topology } from "../streams/topology.ts";
import type { AlertDesk } from "./alerts/alert-desk.ts";
import { type RunningPerformance, startPerformanceMonitor } from "./app-performance.ts";
import { objectiveSources } from "./app-service-levels.ts";
import { ServiceWatch } from "./app-service-watch.ts";
import { followWatched, type WatchedModels } from "./app-watched.ts";
import type { Config } from "./core/config.ts";
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import { toErrorEvents, toErrorObservations, type WatchedErrors } from "./monitor/detectors/error-news.ts";
import { toScoreEvents, toScoreObservations } from "./monitor/detectors/score-news.ts";
import { CountKeeper } from "./monitor/drift/count-keeper.ts";
import { DriftMonitor, type JudgedWindow } from "./monitor/drift/drift-monitor.ts";
import {
  toEvents,
  toObservations,
  toOpenIncident,
  toPendingIncident,
  toProposals,
} from "./monitor/drift/drift-news.ts";
import { REFUSAL_CODES } from "./monitor/drift/window-series.ts";
import { objectiveLevel } from "./monitor/service/objective-level.ts";
import type { Triggers } from "./retraining/triggers.ts";
import type { SinkProgress, StoredRows } from "./sink.ts";

const ROUND_MS = 5_000;
/** How often the sink is looked at until it has resumed. */
const LOOK_MS = 100;
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
    refused: requestErrorCounter(clickhouse, config.database, REFUSAL_CODES),
    scores: new ScoreStore(clickhouse, config.database),
    reports: new DriftReportStore(clickhouse, config.database),
    settingsOf: async (model) => settings.get(model),
    tell: async (window) => tell(parts, window),
    now: () => Date.now(),
    logger,
  });
  const watched = await followWatched(config, nats, (versions) => keeper.watch(versions), logger);
  const stopping = new AbortController();
  const resumed = untilResumed(sinkProgress, stopping.signal);
  const performance = startPerformanceMonitor({
    clickhouse,
    database: config.database,
    nats,
    topology: parts.topology,
    versions: () => [...watched.models.values()].flatMap(({ measured }) => measured),
    settingsOf: async (model) => settings.get(model),
    championOf: async (model) => watched.models.get(model)?.champion,
    resumed,
    storedToMs: async () => storedTo(parts, keeper),
    tell: async (observations) => {
      await parts.alerts.observe(observations, Date.now());
    },
    tellErrors: async (errors) => tellErrors(parts, errors),
    logger: parts.logger,
  });
  const objectives = await openObjectiveRegistry(nats, { prefix: config.prefix });
  const sources = objectiveSources(clickhouse, config.database);
  const service = new ServiceWatch({
    clickhouse,
    database: config.database,
    alerts: parts.alerts,
    levels: async (nowMs) =>
      Promise.all((await objectives.list()).map(async (one) => objectiveLevel(one, sources, nowMs))),
  });
  const running = resumed.then(async () =>
    runRounds(parts, { keeper, monitor, performance, service, watched }, stopping.signal, logger),
  );
  return {
    stored: (rows) => keeper.stored(rows),
    stop: async () => {
      stopping.abort();
      await watched.stop();
      await performance.stop();
      await running; // what is not stored is counted again by whoever goes on
    },
  };
}

/** Before the sink knows what is stored there is nothing to judge. One that cannot say so for long holds up no round. */
async function untilResumed(sinkProgress: () => SinkProgress, signal: AbortSignal): Promise<void> {
  const giveUpMs = performance.now() + ROUND_MS;
  while (sinkProgress().epoch === 0 && performance.now() < giveUpMs && !signal.aborted)
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
}

interface Rounds {
  readonly keeper: CountKeeper;
  readonly monitor: DriftMonitor;
  readonly performance: RunningPerformance;
  readonly service: ServiceWatch;
  readonly watched: WatchedModels;
}

async function runRounds(
  parts: MonitorParts,
  rounds: Rounds,
  signal: AbortSignal,
  logger: Logger,
): Promise<void> {
  const { keeper, monitor } = rounds;
  while (!signal.aborted) {
    try {
      const storedToMs = await storedTo(parts, keeper); // before settling: what is stored later may not be counted yet
      const counted = await keeper.settle();
      if (storedToMs !== undefined) await monitor.round(counted, storedToMs, signal);
      publishGauges(parts, rounds);
      await propose(parts.triggers, rounds);
      await rounds.service.round(rounds.watched.models.keys(), Date.now());
    } catch (error) {
      logger.warn({ err: messageOf(error) }, "a round of monitoring failed, trying again");
    }
    await delay(ROUND_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Predictions made until then are stored; undefined when that cannot be said. */
async function storedTo(
  { reader, sinkProgress }: MonitorParts,
  keeper: Pick<CountKeeper, "loggedMs">,
): Promise<number | undefined> {
  const { loggedMs } = keeper;
  const askedMs = Date.now();
  const { epoch, lastSeq } = await reader.position();
  const progress = sinkProgress();
  if (progress.epoch === epoch && progress.seq >= lastSeq) return askedMs;
  return loggedMs; // what is in the log behind it was logged later
}

/** Bias-corrected PSI of each column in the last window, for the metrics of the data planes. */
function publishGauges({ nats, topology }: MonitorParts, { monitor, watched }: Rounds): void {
  const gauges = watched.versions().flatMap((version) =>
    monitor.latest(version).map(({ variant, column, value }) => ({
      name: "engine_model_drift_psi",
      help: "Population stability index of a column in the last window, less what chance adds.",
      labels: { model: version.model, version: version.version, variant, column },
      value,
    })),
  );
  publishMonitorStatus(nats, topology, { source: "drift", gauges });
}

async function tell(parts: MonitorParts, window: JudgedWindow): Promise<void> {
  await publishEvents(parts, [...toEvents(window.changes), ...toScoreEvents(window)]);
  const observations = [...toObservations(window), ...toScoreObservations(window)];
  if (observations.length > 0) await parts.alerts.observe(observations, Date.now());
}

async function tellErrors(parts: MonitorParts, errors: WatchedErrors): Promise<void> {
  await publishEvents(parts, toErrorEvents(errors));
  await parts.alerts.observe(toErrorObservations(errors), Date.now());
}

async function publishEvents(
  { publisher, topology }: MonitorParts,
  events: readonly { readonly kind: string; readonly id: string; readonly body: unknown }[],
): Promise<void> {
  const messages = events.map(({ kind, id, body }) => ({
    subject: topology.eventsSubject(kind),
    id,
    payload: JSON.stringify(body),
  }));
  await publisher.publishAll(messages, { timeoutMs: PUBLISH_TIMEOUT_MS });
}

/** Of the versions that are behind an alias: what happens to the others is nobody's reason to train. */
async function propose(triggers: Triggers, { monitor, performance, watched }: Rounds): Promise<void> {
  for (const [name, { served, versions }] of watched.models) {
    const known = versions
      .filter(({ version }) => served.has(version))
      .map((version) => monitor.findings(version));
    if (known.includes(undefined)) continue; // none would be taken for all closed
    const incidents = known.flatMap((found) => found?.incidents ?? []);
    const pending = known.flatMap((found) => found?.pending ?? []);
    const proposals = [...toProposals(incidents), ...performance.proposals(name, served)];
    const open = [...incidents.map(toOpenIncident), ...pending.map(toPendingIncident)];
    await triggers.propose(name, proposals, open, Date.now());
  }
}
