// hot path
/**
 * Reads an entity's state in place: a last value, or the totals of a window, without decoding the rest.
 *
 * Reading a window costs the number of its tiles, whatever its length and however many events it saw.
 */
import { addTile, COUNT_AT, type Column, clearTile, tileOf } from "./column.ts";
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

export class StateView implements EntityValues {
  readonly #bytes: Buffer;
  readonly #valueAt = new Map<number, number>();
  readonly #columnAt = new Map<number, number>();

  /** @throws Error when the bytes are no state. */
  constructor(bytes: Buffer) {
    checkFormat(bytes);
    this.#bytes = bytes;
    let at = HEADER_BYTES;
    for (let left = bytes.readUInt16LE(4); left > 0; left--) {
      this.#valueAt.set(bytes.readUInt32LE(at), at);
      at += VALUE_HEAD_BYTES + bytes.readUInt16LE(at + 5);
    }
    for (let left = bytes.readUInt16LE(6); left > 0; left--) {
      this.#columnAt.set(bytes.readUInt32LE(at), at);
      at = this.#columnEnd(at);
    }
  }

  get epoch(): number {
    return this.#bytes.readDoubleLE(8);
  }

  /** The last event that the state holds. */
  get seq(): number {
    return this.#bytes.readDoubleLE(16);
  }

  /** The last value of a field, or undefined. */
  value(fieldId: number): LastValue["value"] | undefined {
    const at = this.#valueAt.get(fieldId);
    return at === undefined ? undefined : readValue(this.#bytes, at);
  }

  /** Event time of the last value of a field, ms; 0 if there is none. */
  eventMs(fieldId: number): number {
    const at = this.#valueAt.get(fieldId);
    return at === undefined ? 0 : this.#bytes.readDoubleLE(at + 7);
  }

  /** What the window that ends at `asOfMs` adds up to. */
  window(column: Column, asOfMs: number): WindowTotals {
    const { layout, hopMs } = column;
    const totals = { tile: new Float64Array(layout.stride), hashes: [] };
    clearTile(layout, totals.tile, 0, 0);
    const at = this.#columnAt.get(column.id);
    if (at === undefined) return totals;
    const bytes = this.#bytes;
    const count = bytes.readUInt16LE(at + 4);
    const last = tileOf(asOfMs, hopMs);
    const first = last - column.tiles + 1;
    const source = new Float64Array(layout.stride);
    const strideBytes = layout.stride * 8;
    let hashesAt = at + COLUMN_HEAD_BYTES + count * strideBytes;
    for (let index = 0; index < count; index++) {
      const start = at + COLUMN_HEAD_BYTES + index * strideBytes;
      const tile = bytes.readDoubleLE(start);
      const isInside = tile >= first && tile <= last;
      if (isInside) {
        for (let part = COUNT_AT; part < layout.stride; part++)
          source[part] = bytes.readDoubleLE(start + part * 8);
        addTile(layout, totals.tile, 0, source, 0);
      }
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

  #columnEnd(start: number): number {
    const bytes = this.#bytes;
    const count = bytes.readUInt16LE(start + 4);
    let at = start + COLUMN_HEAD_BYTES + count * bytes.readUInt8(start + 6) * 8;
    if (bytes[start + 7] === 0) return at;
    for (let left = count; left > 0; left--) at += 2 + bytes.readUInt16LE(at) * 4;
    return at;
  }
}
