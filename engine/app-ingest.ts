/**
 * Builds and starts the ingester of feature events over an entity store: in the control plane over Redis, and in each
 * data plane over its own store when there is no Redis.
 */
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { openClickHouse } from "../storage/clickhouse.ts";
import { openRedisEntityStore } from "../storage/entity-store-redis.ts";
import { ClickHouseEventHistory } from "../storage/event-history.ts";
import { type FeatureRegistry, openFeatureRegistry } from "../storage/feature-registry.ts";
import { FeatureReader } from "../streams/feature-reader.ts";
import { serveMaterialize } from "../streams/materialize.ts";
import type { Publisher } from "../streams/publisher.ts";
import { type IngestStatus, publishIngestStatus } from "../streams/status.ts";
import { lastPosition, type Topology } from "../streams/topology.ts";
import type { Config } from "./core/config.ts";
import type { EntityStore } from "./core/entity-store.ts";
import type { Logger } from "./core/log.ts";
import { ActiveSets } from "./features/active-sets.ts";
import { FeatureIngester, type IngestProgress } from "./features/feature-ingester.ts";
import { checkAgreement } from "./features/set-agreement.ts";
import type { ServiceUrls } from "./service-urls.ts";

/** A reading is applied without a pause: beside predictions in one process it must be short. */
const EVENTS_MAX = { shared: 1_000, own: 200 } as const;
const STATUS_MS = 1_000;
/** For an insert of the sink to be over. */
const SINK_SLACK_MS = 2_000;

export type SharedUrls = ServiceUrls & { readonly redis: string };

export interface IngestParts {
  readonly nats: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly publisher: Publisher;
  readonly topology: Topology;
}

export interface RunningIngest {
  readonly progress: IngestProgress;
  /** As of a moment ago; undefined until NATS has answered. */
  readonly status?: IngestStatus | undefined;
  /** Finishes the reading under way. */
  stop(): Promise<void>;
}

export interface IngestOptions {
  readonly config: Config;
  readonly urls: ServiceUrls;
  readonly parts: IngestParts;
  readonly store: EntityStore;
  /** Must hold what is active already, or the first events would be passed over until history has them. */
  readonly sets: ActiveSets;
  readonly logger: Logger;
}

export function startIngest(
  { config, urls, parts, store, sets, logger }: IngestOptions,
  kind: keyof typeof EVENTS_MAX,
): RunningIngest {
  const clickhouse = openClickHouse(urls.clickhouse);
  const ingester = new FeatureIngester({
    source: new FeatureReader(parts),
    store,
    history: new ClickHouseEventHistory(clickhouse, config.database),
    plans: () => sets.plans,
    storedWaitMs: 2 * config.sinkFlushMs + SINK_SLACK_MS,
    eventsMax: EVENTS_MAX[kind],
    stateBytesMax: config.ingestCacheBytesMax,
    recentIdsMax: config.featureRecentIdsMax,
    onCaughtUp: () => void tell(),
    logger: logger.child({ component: "ingester" }),
  });
  const stopping = new AbortController();
  const running = ingester.run(stopping.signal);
  const refuseOrders = serveMaterialize(parts.nats, parts.topology, (order) => ingester.materialize(order));
  let status: IngestStatus | undefined;
  const tell = async (): Promise<void> => {
    const position = await lastPosition(parts.manager, parts.topology.featuresStream).catch(() => undefined);
    if (position === undefined) return; // while NATS is away nobody would hear it
    const { progress } = ingester;
    status = { lagEvents: Math.max(0, position.seq - progress.seq), ...progress };
    // Of several data planes each has an ingester of its own: what one says does not hold for the others.
    if (kind === "shared") publishIngestStatus(parts.nats, parts.topology, status);
  };
  const telling = setInterval(() => void tell(), STATUS_MS);
  return {
    get progress() {
      return ingester.progress;
    },
    get status() {
      return status;
    },
    stop: async () => {
      clearInterval(telling);
      refuseOrders();
      stopping.abort();
      await running;
      await clickhouse.close();
    },
  };
}

/** The one ingester of a shared store. Without Redis each data plane has its own. */
export async function startSharedIngest(
  config: Config,
  urls: SharedUrls,
  parts: IngestParts,
  logger: Logger,
): Promise<RunningIngest> {
  const sets = new ActiveSets();
  const watch = await followFeatureSets(await openFeatures(config, parts), sets, logger);
  const store = openRedisEntityStore({ url: urls.redis, prefix: config.prefix, use: "ingest", logger });
  const ingest = startIngest({ config, urls, parts, store, sets, logger }, "shared");
  return {
    get progress() {
      return ingest.progress;
    },
    stop: async () => {
      await watch.stop();
      await ingest.stop();
      await store.close();
    },
  };
}

export function openFeatures(
  config: Config,
  { nats, manager, topology }: Omit<IngestParts, "client" | "publisher">,
): Promise<FeatureRegistry> {
  return openFeatureRegistry(nats, {
    prefix: config.prefix,
    check: checkAgreement,
    eventsPosition: async () => lastPosition(manager, topology.featuresStream),
  });
}

/** Keeps `sets` as the registry has them; they are there when this resolves. */
export function followFeatureSets(
  registry: FeatureRegistry,
  sets: ActiveSets,
  logger: Logger,
): Promise<{ stop(): Promise<void> }> {
  return registry.watch(
    (records) => sets.replace(records.map(({ set }) => set)),
    (error) => logger.warn({ err: error }, "the feature sets cannot be followed, trying again"),
  );
}
