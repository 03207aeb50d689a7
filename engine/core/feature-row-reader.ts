// hot path
/**
 * Reads rows of `feature_values` back from RowBinary, in chunks that end anywhere: the other way of feature-row.
 *
 * Fields that are null are left out, which means the same to whoever aggregates. Bound: one chunk and one row.
 */
import type { HistoryEvent } from "./event-history.ts";
import type { FieldValue } from "./feature-event.ts";
import { RowBinaryReader } from "./row-binary-reader.ts";

/** The columns of a row, in order. */
export const HISTORY_COLUMNS = [
  "log_epoch",
  "log_seq",
  "entity_id",
  "event_time",
  "arrival_time",
  "is_event",
  "numbers",
  "texts",
  "booleans",
] as const;

export class FeatureRowReader {
  readonly #reader = new RowBinaryReader();
  #lastId = "";

  /** Bytes of a row that is not whole yet: none at the end. */
  get restBytes(): number {
    return this.#reader.restBytes;
  }

  /** The rows that are whole with this chunk. */
  read(chunk: Buffer): HistoryEvent[] {
    const rows: HistoryEvent[] = [];
    this.#reader.read(chunk, () => rows.push(this.#row()));
    return rows;
  }

  #row(): HistoryEvent {
    const reader = this.#reader;
    const epoch = reader.uint64();
    const seq = reader.uint64();
    const entityId = reader.string();
    const eventMs = reader.uint64();
    const arrivalMs = reader.uint64();
    const isEvent = reader.uint8() !== 0;
    const fields: Record<string, FieldValue> = {};
    for (let left = reader.varint(); left > 0; left--) put(fields, reader.string(), reader.float64());
    for (let left = reader.varint(); left > 0; left--) put(fields, reader.string(), reader.string());
    for (let left = reader.varint(); left > 0; left--) {
      const name = reader.string();
      put(fields, name, fields[name] === 1);
    }
    // rows of an entity share one string: it is what the reader tells entities apart by
    if (entityId !== this.#lastId) this.#lastId = entityId;
    return {
      epoch,
      event: { eventId: "", entityId: this.#lastId, eventMs, arrivalMs, seq, isEvent, fields },
    };
  }
}

function put(fields: Record<string, FieldValue>, name: string, value: FieldValue): void {
  if (name !== "__proto__") fields[name] = value;
  else Object.defineProperty(fields, name, { value, enumerable: true, writable: true, configurable: true });
}
