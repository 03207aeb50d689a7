/**
 * Warns of a Redis that may evict: entity states are data, and one that is evicted is lost without a sign.
 */
import { Cluster, type Redis } from "ioredis";
import type { Logger } from "../engine/core/log.ts";
import { nodeKey, type RedisConnection } from "./redis.ts";

/** Looks at every server once it is connected, and warns once. INFO is allowed where CONFIG is not. */
export function warnIfEvicting(connection: RedisConnection, logger: Logger): void {
  let isWarned = false;
  const check = async (redis: Redis): Promise<void> => {
    const policy = evictionPolicy(await redis.info("memory"));
    if (policy === undefined || isWarned) return;
    isWarned = true;
    logger.warn(
      { server: nodeKey(redis), policy },
      "Redis may evict entity states: set maxmemory-policy to noeviction",
    );
  };
  const watch = (redis: Redis): void =>
    void redis.once("ready", () => {
      check(redis).catch((error: Error) =>
        logger.debug({ err: error.message }, "Redis eviction not checked"),
      );
    });
  if (connection instanceof Cluster) connection.on("+node", watch);
  else watch(connection);
}

/** The policy by which a server with this INFO evicts, undefined when it never does. */
export function evictionPolicy(info: string): string | undefined {
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  const limit = /^maxmemory:(\d+)/m.exec(info)?.[1];
  return policy === undefined || policy === "noeviction" || limit === "0" ? undefined : policy;
}
