// hot path
/**
 * States of entities that were read a moment ago, so that a busy entity is not read for every batch.
 *
 * Bounds: `entriesMax` entities, the one read longest ago goes first; a state is used for `maxAgeMs` after it was read,
 * which is the most that a prediction can be behind the store on account of it.
 */
import type { StateView } from "./state-view.ts";

interface Entry {
  readonly view: StateView | undefined;
  readonly readMs: number;
}

export class EntityCache {
  readonly #entriesMax: number;
  readonly #maxAgeMs: number;
  /** In the order in which they were read. */
  readonly #entries = new Map<string, Entry>();

  constructor(entriesMax: number, maxAgeMs: number) {
    this.#entriesMax = entriesMax;
    this.#maxAgeMs = maxAgeMs;
  }

  /** The entry, or undefined when it must be read. `nowMs`: performance.now(). */
  find(key: string, nowMs: number): Entry | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && nowMs - entry.readMs < this.#maxAgeMs ? entry : undefined;
  }

  set(key: string, view: StateView | undefined, nowMs: number): void {
    if (this.#maxAgeMs <= 0) return;
    this.#entries.delete(key);
    this.#entries.set(key, { view, readMs: nowMs });
    if (this.#entries.size <= this.#entriesMax) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}
