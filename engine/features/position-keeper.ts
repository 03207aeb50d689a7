/**
 * The ingester's position in the store, and the watch over it: nothing is read, written or set while it is not the one that was
 * set last, since then the store has lost data or has another writer.
 *
 * States are written before the position, so who writes them must be sure of it: one that was frozen, and replaced
 * meanwhile, compares first. Bound: COMPARED_MS_MAX, far below the time after which another ingester takes over.
 */
import type { EntityKey, EntityStore, EntityWrite, IngestPosition } from "../core/entity-store.ts";

const COMPARED_MS_MAX = 2_000;

export class PositionKeeper {
  readonly #store: EntityStore;
  /** "lost": no position is the one that was set last. */
  #last: IngestPosition | undefined | "lost" = "lost";
  #comparedMs = 0;

  constructor(store: EntityStore) {
    this.#store = store;
  }

  /** The one that was set last. */
  get last(): IngestPosition | undefined {
    return this.#last === "lost" ? undefined : this.#last;
  }

  isLast(position: IngestPosition | undefined): boolean {
    return this.#last !== "lost" && isSame(position, this.#last);
  }

  /** Goes on from a position that the store has. */
  adopt(position: IngestPosition): void {
    this.#last = position;
  }

  /** Sets one whatever the store has. */
  async begin(position: IngestPosition): Promise<void> {
    await this.#store.setPosition(position);
    this.#last = position;
  }

  /** Reads states. The position is asked for after them: a store that lost its data before would answer that there are none. */
  async read(keys: readonly EntityKey[]): Promise<(Buffer | undefined)[]> {
    const states = this.#store.read(keys);
    const [found] = await Promise.all([states, this.check()]);
    return found;
  }

  /** @throws Error when the store's position is not the one that was set last, nor `next`. */
  async check(next?: IngestPosition): Promise<void> {
    const askedMs = Date.now(); // an answer that waited for a frozen process is as old as that
    this.#expectLast(await this.#store.position(), next);
    this.#comparedMs = askedMs;
  }

  /** Writes states, and sets the position behind them. Again, when the store was away or its answer was lost: the same. */
  async advance(next: IngestPosition, writes: readonly EntityWrite[] = []): Promise<void> {
    while (Math.abs(Date.now() - this.#comparedMs) > COMPARED_MS_MAX) await this.check(next);
    const [, position] = await Promise.all([this.#store.write(writes), this.#store.position()]);
    this.#expectLast(position, next);
    if (!isSame(position, next)) await this.#store.setPosition(next);
    this.#last = next;
  }

  #expectLast(found: IngestPosition | undefined, next: IngestPosition | undefined): void {
    if (this.isLast(found) || (next !== undefined && isSame(found, next))) return;
    const { last } = this;
    this.#last = "lost";
    throw new Error(
      `the store's position is ${found?.seq ?? "missing"}, not ${last?.seq ?? "missing"}: it lost data or has another writer`,
    );
  }
}

function isSame(one: IngestPosition | undefined, other: IngestPosition | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  const { columns } = other;
  return (
    one.epoch === other.epoch &&
    one.seq === other.seq &&
    one.wholeFromSeq === other.wholeFromSeq &&
    (one.columns === columns ||
      (one.columns.length === columns.length && one.columns.every((key, index) => key === columns[index])))
  );
}
