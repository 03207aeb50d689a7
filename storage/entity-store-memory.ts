/**
 * Entity states in this process, for an engine without Redis: filled anew from the stream's history at every start.
 *
 * Bounded by entries and by bytes. Over either, the state that was written longest ago goes first and is counted. A state past
 * its time to live is not read any more; a sweep removes it, some thousand entries a second. Buffers are copied on
 * both ways, so that nobody holds the store's own.
 */
import type {
  EntityKey,
  EntityStore,
  EntityWrite,
  IngestPosition,
  StoreReading,
} from "../engine/core/entity-store.ts";
import { EngineError } from "../engine/core/errors.ts";

export interface MemoryEntityStoreOptions {
  /** Most entities; default 1,000,000. */
  readonly entriesMax?: number;
  /** Most bytes of states and keys, estimated; default 256 MiB. */
  readonly bytesMax?: number;
  /** Milliseconds since 1970; default Date.now. */
  readonly now?: () => number;
}

interface Entry {
  readonly state: Buffer;
  readonly expiresMs: number;
}

const ENTRIES_MAX = 1_000_000;
const BYTES_MAX = 256 * 1024 * 1024;
/** What an entry takes beside its key and its state, roughly: map slot, record, string and buffer headers. */
const ENTRY_BYTES = 300;
const SWEEP_MS = 1_000;
const SWEEP_ENTRIES_MAX = 20_000;

export class MemoryEntityStore implements EntityStore {
  /** By age of the last write: the first is the oldest. */
  readonly #entries = new Map<string, Entry>();
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #sweeping: Iterator<[string, Entry]> | undefined;
  #bytes = 0;
  #evicted = 0;
  #position: IngestPosition | undefined;
  #isClosed = false;

  constructor({
    entriesMax = ENTRIES_MAX,
    bytesMax = BYTES_MAX,
    now = Date.now,
  }: MemoryEntityStoreOptions = {}) {
    this.#entriesMax = entriesMax;
    this.#bytesMax = bytesMax;
    this.#now = now;
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS).unref();
  }

  /** States that were dropped for want of room since the start. */
  get evicted(): number {
    return this.#evicted;
  }

  get entries(): number {
    return this.#entries.size;
  }

  /** Estimated bytes of all entries. */
  get bytes(): number {
    return this.#bytes;
  }

  async read(keys: readonly EntityKey[]): Promise<(Buffer | undefined)[]> {
    this.#expectOpen();
    const now = this.#now();
    return keys.map((key) => {
      const entry = this.#entries.get(nameOf(key));
      return entry === undefined || entry.expiresMs <= now ? undefined : Buffer.from(entry.state);
    });
  }

  async readWithPosition(keys: readonly EntityKey[]): Promise<StoreReading> {
    return { states: await this.read(keys), position: this.#position, failure: undefined };
  }

  async write(writes: readonly EntityWrite[]): Promise<void> {
    this.#expectOpen();
    const now = this.#now();
    for (const { type, id, state, ttlMs } of writes) {
      const name = nameOf({ type, id });
      const own = Buffer.allocUnsafeSlow(state.length); // a slice of the shared pool would keep all of it alive
      state.copy(own);
      this.#remove(name); // so that it becomes the last
      this.#entries.set(name, { state: own, expiresMs: now + ttlMs });
      this.#bytes += bytesOf(name, own);
    }
    this.#evict();
  }

  async position(): Promise<IngestPosition | undefined> {
    this.#expectOpen();
    return this.#position;
  }

  async setPosition(position: IngestPosition): Promise<void> {
    this.#expectOpen();
    this.#position = { ...position, columns: [...position.columns] };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#entries.clear();
    this.#bytes = 0;
  }

  /** Removes expired states among the next 20,000 entries, going round; called every second. */
  sweep(): void {
    const now = this.#now();
    this.#sweeping ??= this.#entries[Symbol.iterator]();
    for (let left = SWEEP_ENTRIES_MAX; left > 0; left--) {
      const { value, done } = this.#sweeping.next();
      if (done === true) {
        this.#sweeping = undefined;
        return;
      }
      if (value[1].expiresMs <= now) this.#remove(value[0]);
    }
  }

  #evict(): void {
    for (const name of this.#entries.keys()) {
      if (this.#entries.size <= this.#entriesMax && this.#bytes <= this.#bytesMax) return;
      this.#remove(name);
      this.#evicted++;
    }
  }

  #remove(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    this.#bytes -= bytesOf(name, entry.state);
  }

  #expectOpen(): void {
    if (this.#isClosed) throw new EngineError("SERVICE_UNAVAILABLE", "the entity store is closed");
  }
}

/** A type has no colon, so no two entities share a name. */
function nameOf({ type, id }: EntityKey): string {
  return `${type}:${id}`;
}

function bytesOf(name: string, state: Buffer): number {
  return name.length * 2 + state.length + ENTRY_BYTES;
}
