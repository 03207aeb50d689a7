/**
 * Entity states in Redis or Redis Cluster: one string key per entity, replaced as a whole.
 *
 *     <prefix>:f:<type>:<id>          the state, removed when its time to live is over
 *     <prefix>:f-position[:{<tag>}]   JSON {epoch, seq, columns, wholeFromSeq?}, one on a single server, some on every master of a cluster
 *
 * The serving path and the ingester have a store each, that is a connection each: large writes must not hold up reads.
 */
import { Cluster } from "ioredis";
import type {
  EntityKey,
  EntityStore,
  EntityWrite,
  IngestPosition,
  StoreReading,
} from "../engine/core/entity-store.ts";
import type { Logger } from "../engine/core/log.ts";
import { fromPositionJson, leastPosition } from "./ingest-position.ts";
import type { KeyStore } from "./key-store.ts";
import { openRedis } from "./redis.ts";
import { RedisClusterKeyStore } from "./redis-cluster-key-store.ts";
import { warnIfEvicting } from "./redis-eviction.ts";
import { RedisKeyStore } from "./redis-key-store.ts";

/**
 * Time-outs by use, ms. Serving falls back to defaults rather than wait; the ingester would rather wait than repeat, and
 * keeps a silent connection longer: what it sent there must not come after what it sends on the next one.
 */
const USES = {
  serving: { timeoutMs: 20, silentMsMax: 2_000 },
  ingest: { timeoutMs: 5_000, silentMsMax: 60_000 },
} as const;

export interface RedisEntityStoreOptions {
  /** As REDIS_URL. */
  readonly url: string;
  /** First part of every key, as MILLRACE_PREFIX. */
  readonly prefix: string;
  readonly use: keyof typeof USES;
  readonly logger: Logger;
  /** Longest wait for an answer, ms; by default 20 for serving, 5,000 for ingest. */
  readonly timeoutMs?: number;
}

/**
 * Starts connecting and returns at once; until Redis is there, every call fails with SERVICE_UNAVAILABLE.
 * @throws EngineError INVALID_REQUEST when the URL is wrong.
 */
export function openRedisEntityStore(options: RedisEntityStoreOptions): EntityStore {
  const { url, prefix, use, logger, timeoutMs = USES[use].timeoutMs } = options;
  const redis = openRedis(url, logger, USES[use].silentMsMax);
  if (use === "ingest") warnIfEvicting(redis, logger); // once is enough: there is one ingester
  const keys =
    redis instanceof Cluster
      ? new RedisClusterKeyStore(redis, timeoutMs)
      : new RedisKeyStore(redis, timeoutMs);
  return new RedisEntityStore(keys, prefix);
}

class RedisEntityStore implements EntityStore {
  readonly #keys: KeyStore;
  readonly #prefix: string;

  constructor(keys: KeyStore, prefix: string) {
    this.#keys = keys;
    this.#prefix = prefix;
  }

  async read(keys: readonly EntityKey[]): Promise<(Buffer | undefined)[]> {
    return this.#keys.get(keys.map((key) => this.#keyOf(key)));
  }

  async readWithPosition(keys: readonly EntityKey[]): Promise<StoreReading> {
    const names = keys.map((key) => this.#keyOf(key));
    const { values, beside, failure } = await this.#keys.getBeside(this.#positionName, names);
    return { states: values, position: leastPosition(beside.map(fromPositionJson)), failure };
  }

  async write(writes: readonly EntityWrite[]): Promise<void> {
    await this.#keys.set(
      writes.map((write) => ({ key: this.#keyOf(write), value: write.state, ttlMs: write.ttlMs })),
    );
  }

  async position(): Promise<IngestPosition | undefined> {
    const values = await this.#keys.get(this.#positionKeys());
    return leastPosition(values.map(fromPositionJson));
  }

  async setPosition({ epoch, seq, columns, wholeFromSeq }: IngestPosition): Promise<void> {
    const value = JSON.stringify({ epoch, seq, columns, wholeFromSeq });
    await this.#keys.set(this.#positionKeys().map((key) => ({ key, value })));
  }

  async close(): Promise<void> {
    this.#keys.close();
  }

  get #positionName(): string {
    return `${this.#prefix}:f-position`;
  }

  #keyOf({ type, id }: EntityKey): string {
    return `${this.#prefix}:f:${type}:${id}`;
  }

  #positionKeys(): readonly string[] {
    return this.#keys.keysOnAllMasters(this.#positionName);
  }
}
