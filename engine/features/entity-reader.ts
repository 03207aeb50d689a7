// hot path
/**
 * Reads the states of entities for predictions and for /features/online: from the cache, and the rest in one reading of
 * the store. A store that does not answer in time costs its time-out and no more: its entities are `null` then.
 *
 * Bound: the caller's number of keys.
 */
import type { EntityKey, EntityStore } from "../core/entity-store.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Counter, Histogram } from "../core/metrics.ts";
import { EntityCache } from "./entity-cache.ts";
import type { EntityView } from "./entity-view.ts";
import { StateView } from "./state-view.ts";

export interface EntityReaderOptions {
  readonly store: Pick<EntityStore, "read">;
  readonly cacheEntriesMax: number;
  /** Oldest state that is served from the cache, ms; 0: none is. */
  readonly cacheMaxAgeMs: number;
  readonly readSeconds: Histogram;
  readonly hits: Counter;
  readonly misses: Counter;
  readonly unavailable: Counter;
  readonly logger: Logger;
}

export class EntityReader {
  readonly #options: EntityReaderOptions;
  readonly #cache: EntityCache;
  #isStoreUp = true;

  constructor(options: EntityReaderOptions) {
    this.#options = options;
    this.#cache = new EntityCache(options.cacheEntriesMax, options.cacheMaxAgeMs);
  }

  /** The states in the order of `keys`; the same entity may stand there more than once. */
  async read(keys: readonly EntityKey[]): Promise<readonly EntityView[]> {
    const startedMs = performance.now();
    const found = new Map<string, EntityView>();
    const missing = new Map<string, EntityKey>();
    const names = keys.map(({ type, id }) => `${type}\n${id}`);
    for (const [index, name] of names.entries()) {
      if (found.has(name) || missing.has(name)) continue;
      const entry = this.#cache.find(name, startedMs);
      if (entry === undefined) missing.set(name, keys[index] as EntityKey);
      else found.set(name, entry.view);
    }
    if (missing.size > 0) await this.#readStore(missing, found, startedMs);
    this.#options.hits.add(names.length - missing.size);
    this.#options.misses.add(missing.size);
    return names.map((name) => found.get(name));
  }

  async #readStore(
    missing: ReadonlyMap<string, EntityKey>,
    found: Map<string, EntityView>,
    startedMs: number,
  ): Promise<void> {
    const { store, readSeconds, unavailable, logger } = this.#options;
    try {
      const states = await store.read([...missing.values()]);
      let index = 0;
      for (const name of missing.keys()) {
        const bytes = states[index++];
        const view = bytes === undefined ? undefined : this.#viewOf(bytes, name);
        found.set(name, view);
        if (view !== null) this.#cache.set(name, view, startedMs);
      }
      if (!this.#isStoreUp) logger.info("feature store answers again");
      this.#isStoreUp = true;
    } catch (error) {
      if (this.#isStoreUp)
        logger.warn({ err: messageOf(error) }, "feature store does not answer, serving defaults");
      this.#isStoreUp = false;
      unavailable.add(missing.size);
      for (const name of missing.keys()) found.set(name, null);
    }
    readSeconds.observe((performance.now() - startedMs) / 1000);
  }

  /** `null` for a state that cannot be read: it harms no other entity's. */
  #viewOf(bytes: Buffer, name: string): StateView | null {
    try {
      return new StateView(bytes);
    } catch (error) {
      this.#options.logger.error(
        { err: messageOf(error), entity: name },
        "the state of an entity is damaged",
      );
      this.#options.unavailable.add(1);
      return null;
    }
  }
}
