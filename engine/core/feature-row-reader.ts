// hot path
/**
 * Reads rows of `feature_values` back from RowBinary, in chunks that end anywhere: the other way of feature-row.
 *
 * Fields that are null are left out, which means the same to whoever aggregates. Bound: one chunk and one row.
 */
import type { HistoryEvent } from "./event-history.ts";
import type { FieldValue } from "./feature-event.ts";

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

const NO_BYTES = Buffer.alloc(0);

export class FeatureRowReader {
  #bytes: Buffer = NO_BYTES;
  #at = 0;
  #lastId = "";

  /** Bytes of a row that is not whole yet: none at the end. */
  get restBytes(): number {
    return this.#bytes.length;
  }

  /** The rows that are whole with this chunk. */
  read(chunk: Buffer): HistoryEvent[] {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const rows: HistoryEvent[] = [];
    let done = 0;
    try {
      for (this.#at = 0; this.#at < this.#bytes.length; done = this.#at) rows.push(this.#row());
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // the row goes on in the next chunk
    }
    this.#bytes = done === this.#bytes.length ? NO_BYTES : this.#bytes.subarray(done);
    return rows;
  }

  #row(): HistoryEvent {
    const epoch = this.#integer();
    const seq = this.#integer();
    const entityId = this.#text();
    const eventMs = this.#integer();
    const arrivalMs = this.#integer();
    const isEvent = this.#bytes.readUInt8(this.#at++) !== 0;
    const fields: Record<string, FieldValue> = {};
    for (let left = this.#length(); left > 0; left--) put(fields, this.#text(), this.#number());
    for (let left = this.#length(); left > 0; left--) put(fields, this.#text(), this.#text());
    for (let left = this.#length(); left > 0; left--) {
      const name = this.#text();
      put(fields, name, fields[name] === 1);
    }
    // rows of an entity share one string: it is what the reader tells entities apart by
    if (entityId !== this.#lastId) this.#lastId = entityId;
    return {
      epoch,
      event: { eventId: "", entityId: this.#lastId, eventMs, arrivalMs, seq, isEvent, fields },
    };
  }

  #integer(): number {
    const low = this.#bytes.readUInt32LE(this.#at);
    const high = this.#bytes.readUInt32LE(this.#at + 4);
    this.#at += 8;
    return high * 4_294_967_296 + low;
  }

  #number(): number {
    this.#at += 8;
    return this.#bytes.readDoubleLE(this.#at - 8);
  }

  #length(): number {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = this.#bytes.readUInt8(this.#at++);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  #text(): string {
    const length = this.#length();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError("the row is cut off");
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end;
    return text;
  }
}

function put(fields: Record<string, FieldValue>, name: string, value: FieldValue): void {
  if (name !== "__proto__") fields[name] = value;
  else Object.defineProperty(fields, name, { value, enumerable: true, writable: true, configurable: true });
}
