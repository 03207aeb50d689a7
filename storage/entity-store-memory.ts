/**
 * Entity states in this process, for an engine without Redis: filled anew from the stream's history at every start.
 *
 * Bounded by bytes. Beyond them the state that was written longest ago is evicted. What is left is its name, until all its events
 * are too old to matter: so long the entity cannot be told, since a state that began anew would hold half of its events. A state
 * past its time to live is not read any more; a sweep removes it, some thousand entries a second. Buffers are copied on both
 * ways, so that nobody holds the store's own.
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
  /** Most bytes of states and names, estimated; default 256 MiB. */
  readonly bytesMax?: number;
  /** Called for every state that is dropped for want of room. */
  readonly onEvicted?: () => void;
  /** Milliseconds since 1970; default Date.now. */
  readonly now?: () => number;
}

interface Entry {
  readonly state: Buffer;
  readonly expiresMs: number;
}

const BYTES_MAX = 256 * 1024 * 1024;
/** What an entry takes beside its key and its state, roughly: map slot, record, string and buffer headers. */
const ENTRY_BYTES = 300;
const NAME_BYTES = 100;
const SWEEP_MS = 1_000;
const SWEEP_ENTRIES_MAX = 20_000;

export class MemoryEntityStore implements EntityStore {
  /** By age of the last write: the first is the oldest. */
  readonly #entries = new Map<string, Entry>();
  /** Evicted entities, and until when they cannot be told, ms; those of the last write last. */
  readonly #evicted = new Map<string, number>();
  readonly #bytesMax: number;
  readonly #onEvicted: () => void;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #sweeping: Iterator<[string, Entry]> | undefined;
  #bytes = 0;
  /** Until then no entity without a state can be told: there was no room for all names. */
  #untoldUntilMs = 0;
  #position: IngestPosition | undefined;
  #isClosed = false;

  constructor({
    bytesMax = BYTES_MAX,
    now = Date.now,
    onEvicted = () => undefined,
  }: MemoryEntityStoreOptions = {}) {
    this.#bytesMax = bytesMax;
    this.#onEvicted = onEvicted;
    this.#now = now;
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS).unref();
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
    const found = await this.read(keys);
    const states = found.map((state, index) =>
      state === undefined && this.#isEvicted(nameOf(keys[index] as EntityKey)) ? null : state,
    );
    return { states, position: this.#position, failure: undefined };
  }

  async write(writes: readonly EntityWrite[]): Promise<void> {
    this.#expectOpen();
    const now = this.#now();
    for (const { type, id, state, ttlMs } of writes) {
      const name = nameOf({ type, id });
      if (this.#isEvicted(name)) {
        this.#keepEvicted(name, now + ttlMs); // the state began without the events from before
        continue;
      }
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
    this.#evicted.clear();
    this.#bytes = 0;
  }

  /** Removes expired states among the next 20,000 entries, going round; called every second. */
  sweep(): void {
    const now = this.#now();
    this.#forgetOld(now);
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
    if (this.#bytes > this.#bytesMax) this.#forgetOld(this.#now());
    for (const [name, { expiresMs }] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#remove(name);
      this.#onEvicted();
      this.#keepEvicted(name, expiresMs);
    }
    for (const [name, untilMs] of this.#evicted) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#forget(name);
      this.#untoldUntilMs = Math.max(this.#untoldUntilMs, untilMs);
    }
  }

  #isEvicted(name: string): boolean {
    const now = this.#now();
    if ((this.#evicted.get(name) ?? 0) > now) return true;
    return this.#untoldUntilMs > now && !this.#entries.has(name);
  }

  #keepEvicted(name: string, untilMs: number): void {
    this.#forget(name); // so that it becomes the last
    this.#evicted.set(name, untilMs);
    this.#bytes += name.length * 2 + NAME_BYTES;
  }

  #forgetOld(now: number): void {
    for (const [name, untilMs] of this.#evicted) {
      if (untilMs > now) return; // about in their order, since times to live are about the same
      this.#forget(name);
    }
  }

  #forget(name: string): void {
    if (this.#evicted.delete(name)) this.#bytes -= name.length * 2 + NAME_BYTES;
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
