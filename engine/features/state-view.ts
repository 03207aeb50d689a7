// hot path
/**
 * Reads an entity's state in place: a last value, or the totals of a window, without decoding the rest.
 *
 * Reading a window costs the number of its tiles, whatever its length and however many events it saw.
 */
import { addTile, type Column, clearTile, tileOf } from "./column.ts";
import { addHash } from "./distinct-count.ts";
import type { EntityValues, WindowTotals } from "./entity-view.ts";
import {
  COLUMN_HEAD_BYTES,
  checkFormat,
  HEADER_BYTES,
  type LastValue,
  readValue,
  VALUE_HEAD_BYTES,
} from "./state-layout.ts";

/** Tiles of one column, copied to where doubles are aligned: reading them one by one from the bytes takes several times as long. */
let tiles = new Float64Array(64);
let tileBytes = Buffer.from(tiles.buffer);

const EVERYTHING: Pick<ReadonlySet<string>, "has"> = { has: () => true };

export class StateView implements EntityValues {
  readonly #bytes: Buffer;
  readonly #values: Directory;
  readonly #columns: Directory;
  readonly #known: Pick<ReadonlySet<string>, "has">;

  /**
   * @param known keys of the columns and fields that hold all events; by default all do.
   * @throws Error when the bytes are no state.
   */
  constructor(bytes: Buffer, known = EVERYTHING) {
    checkFormat(bytes);
    this.#known = known;
    this.#bytes = bytes;
    const values = bytes.readUInt16LE(4);
    this.#values = new Directory(bytes, HEADER_BYTES, values, valueEnd);
    let at = HEADER_BYTES;
    for (let left = values; left > 0; left--) at = valueEnd(bytes, at);
    this.#columns = new Directory(bytes, at, bytes.readUInt16LE(6), columnEnd);
  }

  get epoch(): number {
    return this.#bytes.readDoubleLE(8);
  }

  /** The last event that the state holds. */
  get seq(): number {
    return this.#bytes.readDoubleLE(16);
  }

  has(key: string): boolean {
    return this.#known.has(key);
  }

  /** The last value of a field, or undefined. */
  value(fieldId: number): LastValue["value"] | undefined {
    const at = this.#values.find(fieldId);
    return at < 0 ? undefined : readValue(this.#bytes, at);
  }

  /** Event time of the last value of a field, ms; 0 if there is none. */
  eventMs(fieldId: number): number {
    const at = this.#values.find(fieldId);
    return at < 0 ? 0 : this.#bytes.readDoubleLE(at + 7);
  }

  /** What the window that ends at `asOfMs` adds up to. @throws RangeError when the bytes are cut off. */
  window(column: Column, asOfMs: number): WindowTotals {
    const { layout, hopMs } = column;
    const totals = { tile: new Float64Array(layout.stride), hashes: [] };
    clearTile(layout, totals.tile, 0, 0);
    const at = this.#columns.find(column.id);
    if (at < 0) return totals;
    const { stride } = layout;
    const count = this.#bytes.readUInt16LE(at + 4);
    const last = tileOf(asOfMs, hopMs);
    const first = last - column.tiles + 1;
    const start = at + COLUMN_HEAD_BYTES;
    let hashesAt = start + count * stride * 8;
    if (hashesAt > this.#bytes.length) throw new RangeError("the state is cut off");
    makeRoom(count * stride);
    this.#bytes.copy(tileBytes, 0, start, hashesAt);
    for (let index = 0; index < count; index++) {
      const tile = tiles[index * stride] as number;
      const isInside = tile >= first && tile <= last;
      if (isInside) addTile(layout, totals.tile, 0, tiles, index * stride);
      if (layout.hasDistinct) hashesAt = this.#addHashes(totals.hashes, hashesAt, isInside);
    }
    return totals;
  }

  #addHashes(hashes: number[], at: number, isInside: boolean): number {
    const length = this.#bytes.readUInt16LE(at);
    const end = at + 2 + length * 4;
    if (isInside) for (let one = at + 2; one < end; one += 4) addHash(hashes, this.#bytes.readUInt32LE(one));
    return end;
  }
}

function makeRoom(doubles: number): void {
  if (doubles <= tiles.length) return;
  tiles = new Float64Array(doubles);
  tileBytes = Buffer.from(tiles.buffer);
}

/**
 * Where the parts of a state begin, by their ids. Who asks in the order in which they stand there, again and again, gets
 * each by a look at the next one, as a lookup usually does; for any other order all are indexed at once.
 */
class Directory {
  readonly #bytes: Buffer;
  readonly #startAt: number;
  readonly #count: number;
  readonly #endOf: (bytes: Buffer, at: number) => number;
  /** The one that was found last, and how many stand before the one after it. */
  #foundId = -1;
  #foundAt = -1;
  #nextAt: number;
  #passed = 0;
  #index: Map<number, number> | undefined;

  constructor(bytes: Buffer, startAt: number, count: number, endOf: (bytes: Buffer, at: number) => number) {
    this.#bytes = bytes;
    this.#startAt = startAt;
    this.#count = count;
    this.#endOf = endOf;
    this.#nextAt = startAt;
  }

  /** Where the part begins, or -1. */
  find(id: number): number {
    if (id === this.#foundId) return this.#foundAt;
    if (this.#index !== undefined) return this.#index.get(id) ?? -1;
    if (this.#count === 0) return -1;
    if (this.#passed === this.#count) this.#rewind();
    if (this.#bytes.readUInt32LE(this.#nextAt) !== id) {
      this.#index = this.#indexAll();
      return this.#index.get(id) ?? -1;
    }
    this.#foundId = id;
    this.#foundAt = this.#nextAt;
    this.#nextAt = this.#endOf(this.#bytes, this.#nextAt);
    this.#passed++;
    return this.#foundAt;
  }

  #rewind(): void {
    this.#nextAt = this.#startAt;
    this.#passed = 0;
  }

  #indexAll(): Map<number, number> {
    const index = new Map<number, number>();
    let at = this.#startAt;
    for (let left = this.#count; left > 0; left--) {
      index.set(this.#bytes.readUInt32LE(at), at);
      at = this.#endOf(this.#bytes, at);
    }
    return index;
  }
}

function valueEnd(bytes: Buffer, at: number): number {
  return at + VALUE_HEAD_BYTES + bytes.readUInt16LE(at + 5);
}

function columnEnd(bytes: Buffer, start: number): number {
  const count = bytes.readUInt16LE(start + 4);
  let at = start + COLUMN_HEAD_BYTES + count * bytes.readUInt8(start + 6) * 8;
  if (bytes[start + 7] === 0) return at;
  for (let left = count; left > 0; left--) at += 2 + bytes.readUInt16LE(at) * 4;
  return at;
}
