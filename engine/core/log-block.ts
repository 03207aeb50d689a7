/**
 * The unit of the prediction log: a block of rows, one JetStream message, on its way to ClickHouse.
 *
 *     offset  0        4         8              16
 *             | magic  | rows    | created, ms  | row | row | ...
 *     row     | length u32 | log_epoch u64 | log_seq u64 | logged_date i64 | source u8 | prediction_id 16 B | ... RowBinary ...
 *
 * All little-endian. A row is what ClickHouse takes, in the order of LOG_COLUMNS. The engine leaves log_epoch and
 * log_seq at zero; the sink writes there which stream and message the row came in. Being at fixed places, these and
 * the id are reached without decoding the row.
 */
import { EngineError } from "./errors.ts";
import { SOURCES } from "./prediction.ts";

export const BLOCK_MAGIC = 0x3242_524d; // "MRB2"
/** Blocks of version 0.1's first builds, which may still be in a log: rows without the last three columns. */
const FIRST_MAGIC = 0x3142_524d; // "MRB1"
const NO_TAIL = Buffer.alloc(0);
/** The last three columns of a row that has none of them: 1970, no entities, no status. */
const EMPTY_TAIL = Buffer.alloc(10);
export const BLOCK_HEADER_BYTES = 16;
export const ROW_LOGGED_OFFSET = 16;
export const ROW_SOURCE_OFFSET = 24;
export const ROW_ID_OFFSET = 25;
const ROW_FIXED_BYTES = 41;

/** Columns of `predictions` in the order of a row. */
export const LOG_COLUMNS = [
  "log_epoch",
  "log_seq",
  "logged_date",
  "source",
  "prediction_id",
  "request_id",
  "model_name",
  "model_version",
  "variant",
  "entity_id",
  "predicted_value",
  "predicted_class",
  "probabilities",
  "features",
  "categories",
  "latency_ms",
  "queue_ms",
  "inference_ms",
  "batch_rows",
  "prediction_date",
  "features_date",
  "entities",
  "feature_status",
] as const;

/** Where one row's RowBinary bytes stand in a block: from `start`, up to `end`. */
export type VisitRow = (start: number, end: number) => void;

/**
 * Walks the rows of a block.
 * @returns when the block was made, ms since 1970.
 * @throws EngineError INTERNAL when the bytes are no whole block; nothing is visited then.
 */
export function readBlock(block: Uint8Array, visit: VisitRow): number {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  if (block.byteLength < BLOCK_HEADER_BYTES || !isMagic(view.getUint32(0, true)))
    throw malformed("no block header");
  const rows = view.getUint32(4, true);
  checkRows(view, rows);
  let offset = BLOCK_HEADER_BYTES;
  for (let row = 0; row < rows; row++) {
    const start = offset + 4;
    offset = start + view.getUint32(offset, true);
    visit(start, offset);
  }
  return Number(view.getBigUint64(8, true));
}

function isMagic(word: number): boolean {
  return word === BLOCK_MAGIC || word === FIRST_MAGIC;
}

/** What is missing at the end of each row of a block, in RowBinary. */
export function rowTail(block: Buffer): Buffer {
  return block.readUInt32LE(0) === FIRST_MAGIC ? EMPTY_TAIL : NO_TAIL;
}

function checkRows(view: DataView, rows: number): void {
  let offset = BLOCK_HEADER_BYTES;
  for (let row = 0; row < rows; row++) {
    if (offset + 4 > view.byteLength) throw malformed(`row ${row} is cut off`);
    const length = view.getUint32(offset, true);
    if (length < ROW_FIXED_BYTES) throw malformed(`row ${row} is too short`);
    if (offset + 4 + length > view.byteLength) throw malformed(`row ${row} is cut off`);
    // ClickHouse would store a value that its Enum8 does not have, and then fail every query of the column.
    const source = view.getUint8(offset + 4 + ROW_SOURCE_OFFSET);
    if (source < 1 || source > SOURCES.length) throw malformed(`row ${row} has no known source`);
    offset += 4 + length;
  }
  if (offset !== view.byteLength) throw malformed("its length does not match its rows");
}

function malformed(why: string): EngineError {
  return new EngineError("INTERNAL", `a block of the prediction log is damaged: ${why}`);
}
