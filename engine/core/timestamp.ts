/**
 * Points in time as callers write them: milliseconds since 1970, or ISO 8601 with an offset.
 *
 * Bounds: the years 1900 to 2299, which ClickHouse's DateTime64 holds. A time without an offset is refused: what it
 * means would depend on the machine.
 */

/** What is taken, for messages. */
export const TIMESTAMP_FORM =
  "milliseconds since 1970 or ISO 8601 such as 2026-03-01T09:30:00Z (with an offset, years 1900 to 2299)";

const ISO = /^\d{4}-(\d\d)-(\d\d)(T([01]\d|2[0-3]):\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;
const LEAST_MS = Date.UTC(1900, 0, 1);
const LARGEST_MS = Date.UTC(2299, 11, 31, 23, 59, 59, 999);

/** Milliseconds since 1970, whole; NaN when the value is no such point in time. */
export function parseTimestamp(value: unknown): number {
  const ms =
    typeof value === "string" ? parseIso(value) : typeof value === "number" ? Math.floor(value) : NaN;
  return ms >= LEAST_MS && ms <= LARGEST_MS ? ms : Number.NaN;
}

/** As parseTimestamp, for values of tables: without an offset it is UTC, and a space may stand for the T, as ClickHouse writes times. */
export function parseTableTime(value: unknown): number {
  if (typeof value !== "string") return parseTimestamp(value);
  const text = value.trim().replace(" ", "T");
  const isLocal = text.includes("T") && !/(Z|[+-]\d\d:\d\d)$/.test(text);
  return parseTimestamp(isLocal ? `${text}Z` : text);
}

/** A point in time that parseTimestamp takes as ISO 8601 in UTC with milliseconds: one text for one point. */
export function isoOf(value: unknown): string {
  const isThat = typeof value === "string" && value.length === 24 && value.endsWith("Z");
  return isThat ? value : new Date(parseTimestamp(value)).toISOString();
}

/** Date.parse takes the 31st of every month and carries over. */
function parseIso(text: string): number {
  const found = ISO.exec(text);
  if (found === null) return Number.NaN;
  const daysInMonth = new Date(Date.UTC(Number(text.slice(0, 4)), Number(found[1]), 0)).getUTCDate();
  return Number(found[2]) > daysInMonth ? Number.NaN : Date.parse(text);
}
