/**
 * The Redis connection of the serving path: never queues, fails fast, reconnects by itself.
 */
import { Redis } from "ioredis";
import { type Logger, withoutCredentials } from "../engine/core/log.ts";

const COMMAND_TIMEOUT_MS = 50;
const RECONNECT_LAST_MS = 2_000;

/** Starts connecting; commands fail at once while there is no connection. */
export function openRedis(url: string, logger: Logger): Redis {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    commandTimeout: COMMAND_TIMEOUT_MS,
    retryStrategy: (attempt) => Math.min(attempt * 100, RECONNECT_LAST_MS),
  });
  redis.on("ready", () => logger.info({ url: withoutCredentials(url) }, "Redis connected"));
  redis.on("error", (error: Error) => logger.debug({ err: error.message }, "Redis connection failed"));
  return redis;
}
