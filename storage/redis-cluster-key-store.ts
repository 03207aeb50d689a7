/**
 * Keys of a Redis Cluster: one pipeline per master, all at the same time.
 *
 * Keys go to the master that the slot map names. Where the map is behind (MOVED, ASK), these keys are sent again
 * through the cluster client, which follows redirections and fetches the map anew.
 */
import type { Cluster, Redis } from "ioredis";
import { messageOf } from "../engine/core/errors.ts";
import type { KeyStore, KeyWrite, ValuesBeside } from "./key-store.ts";
import { nodeKey } from "./redis.ts";
import { RedisCalls, redisUnavailable } from "./redis-calls.ts";
import { setAll, wholeMs } from "./redis-key-store.ts";
import { keyInSlot, SLOTS, slotOf } from "./redis-slots.ts";

/** Keys on all masters are in slots this far apart, which do not depend on the map: they move along with their slots. */
const SPREAD_SLOTS = SLOTS / 16;

export class RedisClusterKeyStore implements KeyStore {
  readonly #cluster: Cluster;
  readonly #calls: RedisCalls;

  constructor(cluster: Cluster, timeoutMs: number) {
    this.#cluster = cluster;
    this.#calls = new RedisCalls(timeoutMs);
  }

  async get(keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    const values: (Buffer | undefined)[] = Array.from({ length: keys.length });
    await this.#onEachMaster(keys, async (node, indexes) => {
      const found = await this.#getFrom(node, textsAt(keys, indexes));
      for (const [at, index] of indexes.entries()) values[index] = found[at];
    });
    return values;
  }

  async getBeside(name: string, keys: readonly string[]): Promise<ValuesBeside> {
    const values: (Buffer | undefined | null)[] = Array.from({ length: keys.length }, () => null);
    const beside: (Buffer | undefined)[] = [];
    const groups = [...this.#byMaster(keys)];
    const failures: unknown[] = [];
    await Promise.all(
      groups.map(async ([master, indexes]) => {
        try {
          const own = this.#keyOn(master, name);
          const asked = [own, ...textsAt(keys, indexes), own];
          const found = await this.#ask(master, async (node) => this.#getFrom(node, asked));
          for (const [at, index] of indexes.entries()) values[index] = found[at + 1];
          beside.push(found[0], found[asked.length - 1]);
        } catch (error) {
          failures.push(error);
        }
      }),
    );
    if (failures.length > 0 && failures.length === groups.length) throw failures[0];
    return { values, beside, failure: failures.length === 0 ? undefined : messageOf(failures[0]) };
  }

  async set(writes: readonly KeyWrite[]): Promise<void> {
    const keys = writes.map(({ key }) => key);
    await this.#onEachMaster(keys, async (node, indexes) => {
      const own = indexes.flatMap((index) => writes[index] ?? []);
      const results = await setAll(node, own);
      const redirected = own.filter((_, at) => isRedirection(results[at]));
      const failure = results.find((result) => result !== undefined && !isRedirection(result));
      if (failure !== undefined) throw failure;
      await Promise.all(redirected.map((write) => this.#setRedirected(write)));
    });
  }

  /** One key in each of the spread slots, and one in the first slot of every master that holds none of these. */
  keysOnAllMasters(name: string): readonly string[] {
    const { slots } = this.#cluster;
    const chosen: number[] = [];
    const covered = new Set<string>();
    const choose = (slot: number): void => {
      chosen.push(slot);
      covered.add(this.#masterOf(slot));
    };
    for (let slot = 0; slot < SLOTS; slot += SPREAD_SLOTS) choose(slot);
    for (let slot = 0; slot < SLOTS; slot++) {
      if (slot > 0 && slots[slot] === slots[slot - 1]) continue; // one array for a range of slots
      if (!covered.has(this.#masterOf(slot))) choose(slot);
    }
    return chosen.map((slot) => keyInSlot(name, slot));
  }

  close(): void {
    this.#cluster.disconnect();
  }

  async #setRedirected({ key, value, ttlMs }: KeyWrite): Promise<void> {
    if (ttlMs === undefined) await this.#cluster.set(key, value);
    else await this.#cluster.set(key, value, "PX", wholeMs(ttlMs));
  }

  /**
   * Calls `send` once per master with the indexes of its keys; fails when one of them does, once all have answered or are given up:
   * so the next call finds every connection that still owes an answer marked, also when two were late at once.
   */
  async #onEachMaster(
    keys: readonly string[],
    send: (node: Redis, indexes: readonly number[]) => Promise<void>,
  ): Promise<void> {
    const settled = await Promise.allSettled(
      [...this.#byMaster(keys)].map(async ([master, indexes]) =>
        this.#ask(master, async (node) => send(node, indexes)),
      ),
    );
    for (const one of settled) if (one.status === "rejected") throw one.reason;
  }

  #byMaster(keys: readonly string[]): ReadonlyMap<string, readonly number[]> {
    const groups = new Map<string, number[]>();
    keys.forEach((key, index) => {
      const master = this.#masterOf(slotOf(key));
      const group = groups.get(master);
      if (group === undefined) groups.set(master, [index]);
      else group.push(index);
    });
    return groups;
  }

  async #ask<T>(master: string, send: (node: Redis) => Promise<T>): Promise<T> {
    const node = this.#cluster.nodes("master").find((one) => nodeKey(one) === master);
    if (node === undefined) throw redisUnavailable(`there is no connection to ${master}`);
    return this.#calls.call(node, send);
  }

  async #getFrom(node: Redis, keys: readonly string[]): Promise<(Buffer | undefined)[]> {
    const values: (Buffer | undefined)[] = [];
    const redirected: number[] = [];
    for (const [index, result] of (await getAll(node, keys)).entries()) {
      if (isRedirection(result)) redirected.push(index);
      else if (result instanceof Error) throw result;
      else values[index] = result ?? undefined;
    }
    await Promise.all(
      redirected.map(async (index) => {
        values[index] = (await this.#cluster.getBuffer(keys[index] ?? "")) ?? undefined;
      }),
    );
    return values;
  }

  /** The first of `keysOnAllMasters` that the master holds. */
  #keyOn(master: string, name: string): string {
    for (let slot = 0; slot < SLOTS; slot += SPREAD_SLOTS)
      if (this.#masterOf(slot) === master) return keyInSlot(name, slot);
    const { slots } = this.#cluster;
    return keyInSlot(
      name,
      slots.findIndex((nodes) => nodes?.[0] === master),
    );
  }

  #masterOf(slot: number): string {
    const master = this.#cluster.slots[slot]?.[0];
    if (master === undefined) throw redisUnavailable(`there is no node for slot ${slot}`);
    return master;
  }
}

function textsAt(texts: readonly string[], indexes: readonly number[]): string[] {
  return indexes.map((index) => texts[index] ?? "");
}

async function getAll(node: Redis, keys: readonly string[]): Promise<(Buffer | Error | null)[]> {
  const pipeline = node.pipeline();
  for (const key of keys) pipeline.getBuffer(key);
  const results = (await pipeline.exec()) ?? [];
  return keys.map((_, index) => {
    const [error, value] = results[index] ?? [new Error("no answer"), null];
    return error ?? (value as Buffer | null);
  });
}

function isRedirection(result: unknown): boolean {
  return result instanceof Error && /^(MOVED|ASK|TRYAGAIN) /.test(result.message);
}
