// hot path
/**
 * The states that the ingester changes: those of the entities that had events lately, so that a busy one is read once.
 *
 * Bound: `bytesMax`, estimated, checked by `trim` between batches; the state that was used longest ago goes first. A state
 * that was changed is never dropped before it was written, since the batch holds on to it.
 */
import type { EntityState } from "./entity-state.ts";

interface Entry {
  readonly state: EntityState;
  bytes: number;
}

/** What a state takes beside its numbers and texts: objects, maps and their slots. */
const STATE_BYTES = 500;
const COLUMN_BYTES = 200;
const VALUE_BYTES = 150;
const HASHES_BYTES = 100;

export class StateCache {
  readonly #bytesMax: number;
  /** In the order in which they were used. */
  readonly #entries = new Map<string, Entry>();
  /** Those used since the last trimming: they may have grown. */
  readonly #used = new Set<Entry>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): EntityState | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    this.#used.add(entry);
    return entry.state;
  }

  /** Adds a state that it does not have. */
  set(key: string, state: EntityState): void {
    const entry = { state, bytes: 0 };
    this.#entries.set(key, entry);
    this.#used.add(entry);
  }

  trim(): void {
    for (const entry of this.#used) {
      const bytes = memoryOf(entry.state);
      this.#bytes += bytes - entry.bytes;
      entry.bytes = bytes;
    }
    this.#used.clear();
    for (const [key, { bytes }] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#entries.delete(key);
      this.#bytes -= bytes;
    }
  }

  clear(): void {
    this.#entries.clear();
    this.#used.clear();
    this.#bytes = 0;
  }
}

function memoryOf({ columns, values }: EntityState): number {
  let bytes = STATE_BYTES + values.size * VALUE_BYTES;
  for (const { value } of values.values()) if (typeof value === "string") bytes += value.length * 2;
  for (const { tiles, hashes } of columns.values()) {
    bytes += COLUMN_BYTES + tiles.byteLength;
    if (hashes !== undefined) for (const list of hashes.values()) bytes += HASHES_BYTES + list.length * 8;
  }
  return bytes;
}
