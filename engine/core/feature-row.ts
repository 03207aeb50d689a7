// hot path
/**
 * A feature event as a row of `feature_values`, in RowBinary, and the id by which a doubled event is known.
 *
 * Numbers and booleans (as 0 and 1) stand in one map, texts in another; the names of fields that are null in a list, so
 * that null rates can be told, and those of booleans too, so that the event can be had again as it was.
 */
import { hash } from "node:crypto";
import type { FeatureEvent } from "./feature-event.ts";
import type { RowBinaryWriter } from "./row-binary.ts";

/** Columns of `feature_values` in the order of a row. */
export const FEATURE_COLUMNS = [
  "log_epoch",
  "log_seq",
  "entity_type",
  "entity_id",
  "event_id",
  "event_time",
  "arrival_time",
  "is_event",
  "numbers",
  "texts",
  "nulls",
  "booleans",
] as const;

const FIXED_BYTES = 64;

/** 16 bytes that are the same for events of the same id and entity type. The table's rows give the same, see storage/sink-tables. */
export function eventKey(entityType: string, eventId: string): Buffer {
  return hash("sha256", `${entityType}\n${eventId}`, "buffer").subarray(0, 16);
}

export function writeFeatureRow(
  writer: RowBinaryWriter,
  epoch: number,
  entityType: string,
  event: FeatureEvent,
): void {
  writer.reserve(FIXED_BYTES);
  writer.uint64(epoch);
  writer.uint64(event.seq);
  writer.string(entityType);
  writer.string(event.entityId);
  writer.string(event.eventId);
  writer.reserve(FIXED_BYTES);
  writer.uint64(event.eventMs);
  writer.uint64(event.arrivalMs);
  writer.uint8(event.isEvent ? 1 : 0);
  writeFields(writer, event.fields);
}

function writeFields(writer: RowBinaryWriter, fields: FeatureEvent["fields"]): void {
  let texts = 0;
  let nulls = 0;
  let booleans = 0;
  let all = 0;
  for (const name in fields) {
    const value = fields[name];
    all++;
    if (typeof value === "string") texts++;
    else if (value === null) nulls++;
    else if (typeof value === "boolean") booleans++;
  }
  writer.varint(all - texts - nulls);
  for (const name in fields) {
    const value = fields[name];
    if (value === null || typeof value === "string") continue;
    writer.string(name);
    writer.reserve(FIXED_BYTES);
    writer.float64(Number(value));
  }
  writer.varint(texts);
  for (const name in fields) {
    const value = fields[name];
    if (typeof value !== "string") continue;
    writer.string(name);
    writer.string(value);
  }
  writer.reserve(FIXED_BYTES);
  writer.varint(nulls);
  for (const name in fields) if (fields[name] === null) writer.string(name);
  writer.reserve(FIXED_BYTES);
  writer.varint(booleans);
  for (const name in fields) if (typeof fields[name] === "boolean") writer.string(name);
}
