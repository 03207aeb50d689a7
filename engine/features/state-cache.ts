// hot path
/**
 * The states that the ingester changes: those of the entities that had events lately, so that a busy one is read once.
 *
 * Bound: `statesMax`, checked by `trim` between batches; the state that was used longest ago goes first. A state that was
 * changed is never dropped before it was written, since the batch holds on to it.
 */
import type { EntityState } from "./entity-state.ts";

export class StateCache {
  readonly #statesMax: number;
  /** In the order in which they were used. */
  readonly #states = new Map<string, EntityState>();

  constructor(statesMax: number) {
    this.#statesMax = statesMax;
  }

  get size(): number {
    return this.#states.size;
  }

  get(key: string): EntityState | undefined {
    const state = this.#states.get(key);
    if (state !== undefined) this.set(key, state);
    return state;
  }

  set(key: string, state: EntityState): void {
    this.#states.delete(key);
    this.#states.set(key, state);
  }

  trim(): void {
    for (const key of this.#states.keys()) {
      if (this.#states.size <= this.#statesMax) return;
      this.#states.delete(key);
    }
  }

  clear(): void {
    this.#states.clear();
  }
}
