/**
 * A feature event: what the payload of `<prefix>.features.<entity_type>` must say.
 *
 *     {"event_id": "...", "entity_id": "...", "event_time": "2026-11-21T10:00:00Z", "event": {...} | "values": {...}}
 *
 * `event` is something that happened: windows aggregate it, and it sets the online features of its fields. `values` says
 * what is so now: it sets online features only. Times are ISO 8601 with a zone, or milliseconds since 1970.
 */
import { EngineError, type ErrorDetail } from "./errors.ts";
import { parseTimestamp } from "./timestamp.ts";

export const EVENT_ID_LENGTH_MAX = 128;
const FIELDS_MAX = 200;
const TEXT_LENGTH_MAX = 1024;
/** How far a producer's clock may be ahead of the server's. */
export const AHEAD_MAX_MS = 300_000;
const KNOWN = new Set(["event_id", "entity_id", "event_time", "event", "values"]);

export type FieldValue = number | string | boolean | null;

export interface FeatureEvent {
  readonly eventId: string;
  readonly entityId: string;
  /** Milliseconds since 1970, never later than `arrivalMs`: a clock that is ahead is set to it. */
  readonly eventMs: number;
  /** When the stream stored it. */
  readonly arrivalMs: number;
  /** Sequence in the stream. */
  readonly seq: number;
  /** Whether windows aggregate it. */
  readonly isEvent: boolean;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

/**
 * Reads one message of the features stream.
 * @param arrivalMs the stream's timestamp of the message, ms.
 * @throws EngineError INVALID_JSON, INVALID_REQUEST with one detail per wrong field.
 */
export function parseFeatureEvent(data: Uint8Array, seq: number, arrivalMs: number): FeatureEvent {
  let body: unknown;
  try {
    body = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8"));
  } catch (error) {
    throw new EngineError("INVALID_JSON", `the event is not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
  if (typeof body !== "object" || body === null || Array.isArray(body))
    throw new EngineError("INVALID_REQUEST", "the event must be a JSON object");
  const details: ErrorDetail[] = [];
  const { event_id, entity_id, event_time, event, values } = body as Record<string, unknown>;
  const eventMs = parseTimestamp(event_time);
  if (!isId(event_id)) details.push({ field: "event_id", message: idRule });
  if (!isId(entity_id)) details.push({ field: "entity_id", message: idRule });
  if (!(eventMs >= 0))
    details.push({
      field: "event_time",
      message: "must be ISO 8601 with a zone (2026-11-21T10:00:00Z) or milliseconds since 1970",
    });
  else if (eventMs > arrivalMs + AHEAD_MAX_MS)
    details.push({ field: "event_time", message: "is more than five minutes in the future" });
  if ((event === undefined) === (values === undefined))
    details.push({ field: "event", message: "give exactly one of event and values" });
  for (const field in body)
    if (!KNOWN.has(field)) details.push({ field: field.slice(0, 128), message: "is no field of an event" });
  const isEvent = event !== undefined;
  checkFields(isEvent ? event : values, isEvent ? "event" : "values", details);
  if (details.length > 0)
    throw new EngineError("INVALID_REQUEST", `${details[0]?.field} ${details[0]?.message}`, { details });
  return {
    eventId: event_id as string,
    entityId: entity_id as string,
    eventMs: Math.min(eventMs, arrivalMs),
    arrivalMs,
    seq,
    isEvent,
    fields: (isEvent ? event : values) as Record<string, FieldValue>,
  };
}

const idRule = `must be a string of 1 to ${EVENT_ID_LENGTH_MAX} characters without control characters`;

function isId(value: unknown): value is string {
  return typeof value === "string" && /^\P{Cc}{1,128}$/u.test(value);
}

function checkFields(fields: unknown, at: string, details: ErrorDetail[]): void {
  if (fields === undefined) return;
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) {
    details.push({ field: at, message: "must be an object of field names and values" });
    return;
  }
  let count = 0;
  for (const [name, value] of Object.entries(fields)) {
    if (++count > FIELDS_MAX) {
      details.push({ field: at, message: `must have at most ${FIELDS_MAX} fields` });
      return;
    }
    const field = `${at}.${name.slice(0, 128)}`;
    // the sign of a zero would make the least of 0 and -0 depend on their order
    if (value === 0) (fields as Record<string, FieldValue>)[name] = 0;
    if (name.length > 128) details.push({ field, message: "must have at most 128 characters" });
    if (typeof value === "string" ? value.length > TEXT_LENGTH_MAX : !isScalar(value))
      details.push({
        field,
        message: `must be a finite number, a string of at most ${TEXT_LENGTH_MAX} characters, a boolean or null`,
      });
  }
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value === "boolean" || Number.isFinite(value);
}
