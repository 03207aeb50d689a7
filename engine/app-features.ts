/**
 * Builds what serves features: the store of entity states, over Redis or in process, who reads it, and what is known of the
 * ingester that fills it.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { MemoryEntityStore } from "../storage/entity-store-memory.ts";
import { openRedisEntityStore } from "../storage/entity-store-redis.ts";
import { orderMaterialize } from "../streams/materialize.ts";
import { followIngestStatus, type IngestStatus } from "../streams/status.ts";
import type { Topology } from "../streams/topology.ts";
import type { Filling } from "./api/materialize-routes.ts";
import type { Config } from "./core/config.ts";
import type { EntityStore } from "./core/entity-store.ts";
import type { Logger } from "./core/log.ts";
import { type Metrics, SECONDS } from "./core/metrics.ts";
import { EntityReader } from "./features/entity-reader.ts";

/** The store that predictions read. @throws EngineError INVALID_REQUEST for a wrong REDIS_URL. */
export function openServingStore(
  config: Config,
  redisUrl: string | undefined,
  metrics: Metrics,
  logger: Logger,
): EntityStore {
  if (redisUrl === undefined) return openMemoryStore(config, metrics, logger);
  const { prefix, featureTimeoutMs: timeoutMs } = config;
  return openRedisEntityStore({ url: redisUrl, prefix, use: "serving", logger, timeoutMs });
}

function openMemoryStore(
  { featureStoreBytesMax: bytesMax }: Config,
  metrics: Metrics,
  logger: Logger,
): MemoryEntityStore {
  const evictions = metrics.counter(
    "engine_feature_store_evictions_total",
    "Entities whose states were dropped because there was no room for them in this process.",
  );
  let isTold = false;
  const onEvicted = (): void => {
    evictions.add(1);
    if (!isTold)
      logger.warn(
        { bytesMax },
        "the store of features is full: features of some entities are unavailable; raise MILLRACE_FEATURE_STORE_BYTES_MAX or use Redis",
      );
    isTold = true;
  };
  return new MemoryEntityStore({ bytesMax, onEvicted });
}

export function createEntityReader(
  config: Config,
  store: Pick<EntityStore, "readWithPosition">,
  metrics: Metrics,
  logger: Logger,
): EntityReader {
  return new EntityReader({
    store,
    cacheEntriesMax: config.featureCacheEntriesMax,
    cacheMaxAgeMs: config.featureCacheMs,
    readSeconds: metrics.histogram(
      "engine_feature_read_seconds",
      "Time of a reading of entities from the feature store.",
      SECONDS,
    ),
    hits: metrics.counter("engine_feature_cache_hits_total", "Entities that the local cache had."),
    misses: metrics.counter("engine_feature_cache_misses_total", "Entities that were read from the store."),
    unavailable: metrics.counter(
      "engine_feature_unavailable_total",
      "Entities whose features fell back to defaults because the store did not answer.",
    ),
    logger: logger.child({ component: "features" }),
  });
}

/** What people see and order of the filling of the store. */
export function followFilling(
  nats: NatsConnection,
  topology: Topology,
  store: Pick<EntityStore, "position">,
): Filling {
  let status: IngestStatus | undefined;
  followIngestStatus(nats, topology, (heard) => {
    status = heard;
  });
  return {
    order: async () => orderMaterialize(nats, topology),
    status: () => status,
    knownColumns: async () => (await store.position().catch(() => undefined))?.columns,
  };
}
