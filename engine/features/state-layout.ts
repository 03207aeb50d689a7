// hot path
/**
 * The bytes of an entity's state, little-endian:
 *
 *     header   format u32 · values u16 · columns u16 · epoch f64 · seq f64
 *     value    field id u32 · kind u8 (0 number, 1 text, 2 boolean) · bytes of the value u16 · event time f64 · seq f64 · value
 *     column   column id u32 · tiles u16 · doubles a tile u8 · has hashes u8 · tiles as f64 … · per tile: hashes u16 · u32 …
 *
 * Readers look up what they need in place (state-view); the ingester decodes it whole (entity-state).
 */
import type { FieldValue } from "../core/feature-event.ts";

export interface LastValue {
  eventMs: number;
  seq: number;
  value: Exclude<FieldValue, null>;
}

/** The tiles of one column, ascending; `hashes` of each by its number where the column counts distinct values. */
export interface ColumnTiles {
  tiles: Float64Array;
  count: number;
  readonly stride: number;
  readonly hashes: Map<number, number[]> | undefined;
}

/** What a state holds; writable while it is read. */
export interface StateParts {
  epoch: number;
  seq: number;
  /** By field id. */
  readonly values: Map<number, LastValue>;
  /** By column id. */
  readonly columns: Map<number, ColumnTiles>;
}

const FORMAT = 1;
export const HEADER_BYTES = 24;
export const VALUE_HEAD_BYTES = 23;
export const COLUMN_HEAD_BYTES = 8;

export const KIND = { number: 0, string: 1, boolean: 2 } as const;

export function stateBytes({ values, columns }: StateParts): number {
  let bytes = HEADER_BYTES;
  for (const { value } of values.values()) bytes += VALUE_HEAD_BYTES + valueBytes(value);
  for (const column of columns.values()) bytes += columnBytes(column);
  return bytes;
}

function valueBytes(value: LastValue["value"]): number {
  return typeof value === "string" ? Buffer.byteLength(value) : 8;
}

function columnBytes({ count, stride, tiles, hashes }: ColumnTiles): number {
  let bytes = COLUMN_HEAD_BYTES + count * stride * 8;
  if (hashes === undefined) return bytes;
  for (let index = 0; index < count; index++)
    bytes += 2 + 4 * (hashes.get(tiles[index * stride] as number)?.length ?? 0);
  return bytes;
}

/** Fills `bytes`, which has exactly the length that stateBytes says. */
export function writeState(bytes: Buffer, { epoch, seq, values, columns }: StateParts): void {
  bytes.writeUInt32LE(FORMAT, 0);
  bytes.writeUInt16LE(values.size, 4);
  bytes.writeUInt16LE(columns.size, 6);
  bytes.writeDoubleLE(epoch, 8);
  bytes.writeDoubleLE(seq, 16);
  let at = HEADER_BYTES;
  for (const [id, value] of values) at = writeValue(bytes, at, id, value);
  for (const [id, column] of columns) at = writeColumn(bytes, at, id, column);
}

function writeValue(bytes: Buffer, start: number, id: number, { eventMs, seq, value }: LastValue): number {
  const length = valueBytes(value);
  bytes.writeUInt32LE(id, start);
  bytes[start + 4] = KIND[typeof value as keyof typeof KIND];
  bytes.writeUInt16LE(length, start + 5);
  bytes.writeDoubleLE(eventMs, start + 7);
  bytes.writeDoubleLE(seq, start + 15);
  const at = start + VALUE_HEAD_BYTES;
  if (typeof value === "string") bytes.write(value, at);
  else bytes.writeDoubleLE(Number(value), at);
  return at + length;
}

function writeColumn(bytes: Buffer, start: number, id: number, column: ColumnTiles): number {
  const { count, stride, tiles, hashes } = column;
  bytes.writeUInt32LE(id, start);
  bytes.writeUInt16LE(count, start + 4);
  bytes[start + 6] = stride;
  bytes[start + 7] = hashes === undefined ? 0 : 1;
  let at = start + COLUMN_HEAD_BYTES;
  bytes.set(new Uint8Array(tiles.buffer, tiles.byteOffset, count * stride * 8), at);
  at += count * stride * 8;
  if (hashes === undefined) return at;
  for (let index = 0; index < count; index++) {
    const list = hashes.get(tiles[index * stride] as number) ?? [];
    bytes.writeUInt16LE(list.length, at);
    at += 2;
    for (const hash of list) at = bytes.writeUInt32LE(hash, at);
  }
  return at;
}

/**
 * Reads what `writeState` wrote into an empty state.
 * @throws RangeError for bytes that are cut off, Error for a format of another version.
 */
export function readState(bytes: Buffer, state: StateParts): void {
  checkFormat(bytes);
  state.epoch = bytes.readDoubleLE(8);
  state.seq = bytes.readDoubleLE(16);
  let at = HEADER_BYTES;
  for (let left = bytes.readUInt16LE(4); left > 0; left--) {
    const length = bytes.readUInt16LE(at + 5);
    state.values.set(bytes.readUInt32LE(at), {
      eventMs: bytes.readDoubleLE(at + 7),
      seq: bytes.readDoubleLE(at + 15),
      value: readValue(bytes, at),
    });
    at += VALUE_HEAD_BYTES + length;
  }
  for (let left = bytes.readUInt16LE(6); left > 0; left--) at = readColumn(bytes, at, state);
}

/** The value whose head begins at `at`. */
export function readValue(bytes: Buffer, at: number): LastValue["value"] {
  const start = at + VALUE_HEAD_BYTES;
  switch (bytes.readUInt8(at + 4)) {
    case KIND.string:
      return bytes.toString("utf8", start, start + bytes.readUInt16LE(at + 5));
    case KIND.boolean:
      return bytes.readDoubleLE(start) !== 0;
    default:
      return bytes.readDoubleLE(start);
  }
}

function readColumn(bytes: Buffer, start: number, state: StateParts): number {
  const count = bytes.readUInt16LE(start + 4);
  const stride = bytes.readUInt8(start + 6);
  const tiles = new Float64Array(Math.max(2, count + 1) * stride);
  let at = start + COLUMN_HEAD_BYTES;
  const end = at + count * stride * 8;
  if (end > bytes.length) throw new RangeError("the state is cut off");
  new Uint8Array(tiles.buffer).set(bytes.subarray(at, end));
  at = end;
  const hashes = bytes[start + 7] === 0 ? undefined : new Map<number, number[]>();
  if (hashes !== undefined) {
    for (let index = 0; index < count; index++) {
      const list: number[] = [];
      const length = bytes.readUInt16LE(at);
      at += 2;
      for (let left = length; left > 0; left--, at += 4) list.push(bytes.readUInt32LE(at));
      hashes.set(tiles[index * stride] as number, list);
    }
  }
  state.columns.set(bytes.readUInt32LE(start), { tiles, count, stride, hashes });
  return at;
}

/** @throws Error for a format of another version. */
export function checkFormat(bytes: Buffer): void {
  const format = bytes.readUInt32LE(0);
  if (format !== FORMAT) throw new Error(`the state of an entity has format ${format}, not ${FORMAT}`);
}
