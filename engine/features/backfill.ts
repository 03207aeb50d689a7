/**
 * Fills columns and fields of one entity type from history: computes them per entity by the code that ingests, and puts
 * them into the entity's state in place of what it has of them.
 *
 *     history, entity after entity → new columns of one → ENTITIES_MAX of them → states read → replaced → written
 *
 * The ingester does nothing meanwhile, so the states stand where the history is read to. Replacing is idempotent: after a
 * failure it is simply done again, from the beginning. Bound: ENTITIES_MAX states and one block of events.
 */
import type { EntityStore } from "../core/entity-store.ts";
import { EngineError } from "../core/errors.ts";
import type { EventHistory, HistoryRange } from "../core/event-history.ts";
import { type ColumnPlan, isEmptyPlan, judge } from "./column-plan.ts";
import { EntityState } from "./entity-state.ts";

const ENTITIES_MAX = 500;

export interface BackfillProgress {
  readonly entityType: string;
  readonly entities: number;
  readonly rows: number;
  readonly rowsTotal: number;
}

export interface BackfillOptions {
  readonly history: EventHistory;
  readonly store: EntityStore;
  readonly range: HistoryRange;
  /** All that is active of the type. */
  readonly active: ColumnPlan;
  /** What is filled; if that is all of `active`, states are replaced as a whole. */
  readonly plan: ColumnPlan;
  /** Repeats a step while the store is away. */
  readonly attempt: (step: () => Promise<void>) => Promise<void>;
  /** @throws Error when the store lost its data or has another writer. */
  readonly checkStore: () => Promise<void>;
  readonly onProgress: (progress: BackfillProgress) => void;
  readonly signal: AbortSignal;
}

interface FilledEntity {
  readonly id: string;
  readonly state: EntityState;
}

export class Backfill {
  readonly #options: BackfillOptions;
  #filled: FilledEntity[] = [];
  #current: FilledEntity | undefined;
  #entities = 0;
  #rows = 0;
  #rowsTotal = 0;

  constructor(options: BackfillOptions) {
    this.#options = options;
  }

  /** @throws EngineError SERVICE_UNAVAILABLE when the history is away or was not read whole, what `checkStore` throws. */
  async run(): Promise<BackfillProgress> {
    const { history, range, signal } = this.#options;
    this.#rowsTotal = await history.count(range);
    this.#report();
    for await (const events of history.events(range)) {
      signal.throwIfAborted();
      for (const { epoch, event } of events) {
        if (event.entityId !== this.#current?.id) await this.#begin(event.entityId);
        this.#apply(epoch, event);
      }
      this.#rows += events.length;
      this.#report();
    }
    if (this.#current !== undefined) this.#filled.push(this.#current);
    await this.#write();
    if (this.#rows < this.#rowsTotal)
      throw new EngineError(
        "SERVICE_UNAVAILABLE",
        `${this.#rows} of ${this.#rowsTotal} events of the history came`,
      );
    return this.#progress;
  }

  get #progress(): BackfillProgress {
    const { entityType } = this.#options.range;
    return { entityType, entities: this.#entities, rows: this.#rows, rowsTotal: this.#rowsTotal };
  }

  #report(): void {
    this.#options.onProgress(this.#progress);
  }

  async #begin(id: string): Promise<void> {
    if (this.#current !== undefined) this.#filled.push(this.#current);
    this.#current = { id, state: EntityState.from(undefined) };
    if (this.#filled.length >= ENTITIES_MAX) await this.#write();
  }

  #apply(epoch: number, event: Parameters<EntityState["apply"]>[0]): void {
    const { takers } = judge(this.#options.plan, event);
    if (!isEmptyPlan(takers)) this.#current?.state.apply(event, epoch, takers);
  }

  async #write(): Promise<void> {
    const { store, range, active, attempt, checkStore } = this.#options;
    const filled = this.#filled;
    this.#filled = [];
    const keys = filled.map(({ id }) => ({ type: range.entityType, id }));
    await attempt(async () => {
      const states = await this.#merged(filled, keys);
      const writes = keys.flatMap((key, index) => {
        const state = states[index];
        return state === undefined ? [] : { ...key, state: state.toBuffer(), ttlMs: active.ttlMs };
      });
      await checkStore(); // it may be long since the last time, and who is replaced must not write
      await Promise.all([store.write(writes), checkStore()]);
    });
    this.#entities += filled.length;
  }

  /** The states to write; undefined where there is nothing to keep. */
  async #merged(
    filled: readonly FilledEntity[],
    keys: readonly { type: string; id: string }[],
  ): Promise<(EntityState | undefined)[]> {
    const { store, active, plan } = this.#options;
    const isWhole =
      plan.columns.length === active.columns.length && plan.fields.length === active.fields.length;
    if (isWhole) return filled.map(({ state }) => (state.seq === 0 ? undefined : state));
    const found = await store.read(keys);
    return filled.map((one, index) => {
      if (found[index] === undefined && one.state.seq === 0) return undefined;
      const state = EntityState.from(found[index]);
      state.retain(active);
      state.adopt(one.state, plan);
      return state;
    });
  }
}
