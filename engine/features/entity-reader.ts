// hot path
/**
 * Reads the states of entities for predictions and for /features/online: from the cache, and the rest in one reading of
 * the store. A store that does not answer in time costs its time-out and no more: its entities are `null` then. With the
 * states comes the ingester's position of that moment: it names the columns that hold all events, see EntityValues.has.
 *
 * Bound: the caller's number of keys.
 */
import type { EntityKey, EntityStore, IngestPosition } from "../core/entity-store.ts";
import { messageOf } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Counter, Histogram } from "../core/metrics.ts";
import { EntityCache } from "./entity-cache.ts";
import { EntityState } from "./entity-state.ts";
import type { EntityView } from "./entity-view.ts";
import { StateView } from "./state-view.ts";

/** Of an entity without events. */
const EMPTY_STATE = EntityState.from(undefined).toBuffer();

export interface EntityReaderOptions {
  readonly store: Pick<EntityStore, "readWithPosition">;
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
  /** Of the latest position. */
  #columns: readonly string[] = [];
  #known: ReadonlySet<string> = new Set();

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
    const { store, readSeconds } = this.#options;
    try {
      const { states, position, failure } = await store.readWithPosition([...missing.values()]);
      const known = this.#knownAt(position);
      let index = 0;
      for (const name of missing.keys()) {
        const view = this.#viewOf(states[index++], known, name);
        found.set(name, view);
        if (view !== null) this.#cache.set(name, view, startedMs);
      }
      this.#noteFailure(failure);
    } catch (error) {
      for (const name of missing.keys()) found.set(name, null);
      this.#noteFailure(messageOf(error));
    }
    let unavailable = 0;
    for (const name of missing.keys()) if (found.get(name) === null) unavailable++;
    this.#options.unavailable.add(unavailable);
    readSeconds.observe((performance.now() - startedMs) / 1000);
  }

  #noteFailure(failure: string | undefined): void {
    const { logger } = this.#options;
    const isUp = failure === undefined;
    if (isUp && !this.#isStoreUp) logger.info("feature store answers again");
    if (!isUp && this.#isStoreUp)
      logger.warn({ err: failure }, "feature store does not answer, serving defaults");
    this.#isStoreUp = isUp;
  }

  /** Keys of what holds all events; undefined when nothing in the store can be relied on: it lost its data, or is rebuilt. */
  #knownAt(position: IngestPosition | undefined): ReadonlySet<string> | undefined {
    if (position === undefined || position.seq < (position.wholeFromSeq ?? 0)) return undefined;
    if (position.columns.join() !== this.#columns.join()) this.#known = new Set(position.columns);
    this.#columns = position.columns;
    return this.#known;
  }

  /** `null` for a state that cannot be read: it harms no other entity's. */
  #viewOf(
    bytes: Buffer | undefined | null,
    known: ReadonlySet<string> | undefined,
    name: string,
  ): StateView | null {
    if (bytes === null || known === undefined) return null;
    try {
      return new StateView(bytes ?? EMPTY_STATE, known);
    } catch (error) {
      this.#options.logger.error(
        { err: messageOf(error), entity: name },
        "the state of an entity is damaged",
      );
      return null;
    }
  }
}
