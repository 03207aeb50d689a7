/**
 * Keys of a Redis Cluster: one pipeline per master, all at the same time.
 *
 * Keys go to the master that the slot map names. Where the map is behind (MOVED, ASK), these keys are sent again
 * through the cluster client, which follows redirections and fetches the map anew.
 */
import type { Cluster, Redis } from "ioredis";
import type { KeyStore, KeyWrite } from "./key-store.ts";
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
      const results = await getAll(
        node,
        indexes.map((index) => keys[index] ?? ""),
      );
      const redirected = indexes.filter((index, at) => {
        const result = results[at];
        if (isRedirection(result)) return true;
        if (result instanceof Error) throw result;
        values[index] = result ?? undefined;
        return false;
      });
      await Promise.all(
        redirected.map(async (index) => {
          values[index] = (await this.#cluster.getBuffer(keys[index] ?? "")) ?? undefined;
        }),
      );
    });
    return values;
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

  /** Calls `send` once per master with the indexes of its keys; fails when one of them does. */
  async #onEachMaster(
    keys: readonly string[],
    send: (node: Redis, indexes: readonly number[]) => Promise<void>,
  ): Promise<void> {
    const groups = new Map<string, number[]>();
    keys.forEach((key, index) => {
      const master = this.#masterOf(slotOf(key));
      const group = groups.get(master);
      if (group === undefined) groups.set(master, [index]);
      else group.push(index);
    });
    const nodes = new Map(this.#cluster.nodes("master").map((node) => [nodeKey(node), node]));
    await Promise.all(
      [...groups].map(async ([master, indexes]) => {
        const node = nodes.get(master);
        if (node === undefined) throw redisUnavailable(`there is no connection to ${master}`);
        await this.#calls.call(node, () => send(node, indexes));
      }),
    );
  }

  #masterOf(slot: number): string {
    const master = this.#cluster.slots[slot]?.[0];
    if (master === undefined) throw redisUnavailable(`there is no node for slot ${slot}`);
    return master;
  }
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
