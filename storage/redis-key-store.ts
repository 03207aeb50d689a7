/**
 * Keys of one Redis server: MGET to read, which shows one moment, one pipeline of SET to write.
 */
import type { Redis } from "ioredis";
import type { KeyStore, KeyWrite, ValuesBeside } from "./key-store.ts";
import { RedisCalls, redisUnavailable } from "./redis-calls.ts";

export class RedisKeyStore implements KeyStore {
  readonly #redis: Redis;
  readonly #calls: RedisCalls;

  constructor(redis: Redis, timeoutMs: number) {
    this.#redis = redis;
    this.#calls = new RedisCalls(timeoutMs);
  }

  async get(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    if (keys.length === 0) return [];
    const values = await this.#calls.call(this.#redis, (redis) => redis.mgetBuffer([...keys]));
    return values.map((value) => value ?? undefined);
  }

  async getBeside(name: string, keys: readonly string[]): Promise<ValuesBeside> {
    const [beside, ...values] = await this.get([name, ...keys]);
    return { values, beside: [beside], failure: undefined };
  }

  async set(writes: readonly KeyWrite[]): Promise<void> {
    if (writes.length === 0) return;
    const results = await this.#calls.call(this.#redis, (redis) => setAll(redis, writes));
    const failure = results.find((result) => result instanceof Error);
    if (failure !== undefined) throw redisUnavailable(failure.message);
  }

  keysOnAllMasters(name: string): readonly string[] {
    return [name];
  }

  close(): void {
    this.#redis.disconnect();
  }
}

/** Sets over one connection in one pipeline: for each write undefined, or why it failed. */
export async function setAll(redis: Redis, writes: readonly KeyWrite[]): Promise<(Error | undefined)[]> {
  const pipeline = redis.pipeline();
  for (const { key, value, ttlMs } of writes) {
    if (ttlMs === undefined) pipeline.set(key, value);
    else pipeline.set(key, value, "PX", wholeMs(ttlMs));
  }
  const results = (await pipeline.exec()) ?? [];
  return writes.map((_, index) => {
    const result = results[index];
    return result === undefined ? new Error("no answer") : (result[0] ?? undefined);
  });
}

/** What PX takes: a whole number, at least 1. */
export function wholeMs(ttlMs: number): number {
  return Math.max(1, Math.ceil(ttlMs));
}
