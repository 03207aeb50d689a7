/**
 * Runs the entity store suite over Redis, Redis Cluster and in process, and adds what only one of them has.
 */
import { pino } from "pino";
import { MemoryEntityStore } from "../../storage/entity-store-memory.ts";
import { openRedisEntityStore } from "../../storage/entity-store-redis.ts";
import { REDIS_MISSING, startTestRedis, startTestRedisCluster, type TestRedis } from "../support/redis.ts";
import { describeServerFailures, type ServerCase } from "./entity-store-failures.ts";
import { describeEntityStore, type EntityStoreCase } from "./entity-store-suite.ts";

const logger = pino({ level: "silent" });

async function overRedis(start: () => Promise<TestRedis>): Promise<EntityStoreCase> {
  const redis = await start();
  return {
    open: (prefix) => openRedisEntityStore({ url: redis.url, prefix, use: "ingest", logger }),
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}

const open: ServerCase["open"] = (url, use, timeoutMs) =>
  openRedisEntityStore({ url, prefix: "test", use, timeoutMs, logger });

describeEntityStore("in process", async () => ({
  open: () => new MemoryEntityStore(),
  [Symbol.asyncDispose]: async () => undefined,
}));
describeEntityStore("on Redis", () => overRedis(startTestRedis), REDIS_MISSING);
describeEntityStore("on Redis Cluster", () => overRedis(startTestRedisCluster), REDIS_MISSING);
describeServerFailures("on Redis", { start: startTestRedis, open }, REDIS_MISSING);
describeServerFailures("on Redis Cluster", { start: startTestRedisCluster, open }, REDIS_MISSING);
