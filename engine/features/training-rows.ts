/**
 * Rows of a training set as they come and go: one JSON object each, whose own fields are carried through as they stand.
 *
 *     in    {"card_id": "c-1", "as_of": "2026-11-21T10:00:00Z", "label": 1}
 *     out   {"card_id": "c-1", "as_of": "2026-11-21T10:00:00Z", "label": 1, "amount_sum_1h": 12.5}
 *
 * An entity's id is in the field of its key or, where there is only one, in entity_id. `seq`, or `<key>_seq` where there are
 * several, is the last event that was known. `feature_status`, as predictions have it, tells what was unavailable then. Request
 * features are read from the fields of their names.
 */
import { EngineError } from "../core/errors.ts";
import { parseTableTime } from "../core/timestamp.ts";
import type { LookupEntity, SetLookup } from "./feature-lookup.ts";
import type { HistoricalFeatures, HistoricalRow } from "./historical-features.ts";

export interface TrainingRow extends HistoricalRow {
  /** The JSON object that it came as. */
  readonly json: string;
}

const AS_OF_MS_MAX = Date.UTC(2200, 0, 1);
const ID_LENGTH_MAX = 128;
const STATUS = "feature_status";

/**
 * Reads one row.
 * @param number of the row, from 1, for messages.
 * @throws EngineError INVALID_REQUEST naming the row and the field.
 */
export function parseTrainingRow(lookup: SetLookup, json: string, number: number): TrainingRow {
  const row = JSON.parse(json) as Record<string, unknown>;
  const { entities, features } = lookup;
  for (const { name } of features)
    if (Object.hasOwn(row, name)) throw invalid(number, name, "is a feature: rename the rows' own field");
  return {
    entities: entities.map((entity) => toEntity(entity, entities.length === 1, row, number)),
    asOfMs: toMs(row["as_of"], number),
    unavailable: unavailableIn(row[STATUS] ?? {}, number),
    request: row,
    json,
  };
}

/** The row with its features behind its own fields, as one line; with feature_status, which says what was defaulted. */
export function toTrainingJson(
  { features }: SetLookup,
  { row, values, status }: HistoricalFeatures<TrainingRow>,
  withStatus: "with status" | "without status",
): string {
  const own = withStatus === "with status" ? withoutStatus(row) : row.json;
  let json = own.slice(0, own.lastIndexOf("}"));
  for (const [index, { name }] of features.entries())
    json += `,${JSON.stringify(name)}:${JSON.stringify(values[index])}`;
  if (withStatus === "with status") json += `,"${STATUS}":${JSON.stringify(status)}`;
  return `${json}}\n`;
}

function toEntity(
  { key }: LookupEntity,
  isOnly: boolean,
  row: Readonly<Record<string, unknown>>,
  number: number,
): { id: string; seq?: number } {
  const id = row[key] ?? (isOnly ? row["entity_id"] : undefined);
  if (typeof id !== "string" || id === "" || id.length > ID_LENGTH_MAX)
    throw invalid(
      number,
      key,
      `must be a string of 1 to ${ID_LENGTH_MAX} characters${isOnly ? ", as must entity_id" : ""}`,
    );
  const name = isOnly ? "seq" : `${key}_seq`;
  const seq = row[name] ?? undefined;
  if (seq === undefined) return { id };
  if (!Number.isSafeInteger(seq) || (seq as number) < 0)
    throw invalid(number, name, "must be the sequence of an event: a whole number, not negative");
  return { id, seq: seq as number };
}

function unavailableIn(status: unknown, number: number): string[] {
  if (typeof status !== "object" || status === null || Array.isArray(status))
    throw invalid(number, STATUS, "must be an object, as predictions have it: rename the rows' own field");
  return Object.entries(status).flatMap(([name, why]) => (why === "unavailable" ? [name] : []));
}

/** The row's own status gives way to the one that was found. */
function withoutStatus({ json, request }: TrainingRow): string {
  if (!Object.hasOwn(request, STATUS)) return json;
  const { [STATUS]: _, ...own } = request;
  return JSON.stringify(own);
}

function toMs(time: unknown, number: number): number {
  const ms = parseTableTime(time);
  if (ms >= 0 && ms < AS_OF_MS_MAX) return ms;
  throw invalid(number, "as_of", "must be a time such as 2026-11-21T10:00:00Z, or milliseconds since 1970");
}

function invalid(number: number, field: string, problem: string): EngineError {
  return new EngineError("INVALID_REQUEST", `row ${number}: ${field} ${problem}`, {
    details: [{ field: `rows.${number - 1}.${field}`, message: problem }],
  });
}
