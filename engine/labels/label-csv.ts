/**
 * Labels in a CSV file with a header: which column is what, and what a line says.
 *
 * Of several keys in a line the most exact counts: prediction_id, then request_id, then entity_id with time. Everything in a CSV file
 * is text: what is written as a number is one, and `true` and `false` are booleans.
 */
import { EngineError } from "../core/errors.ts";
import { checkLabel, type LabelBody } from "../core/label.ts";

export const LABEL_FIELDS = [
  "prediction_id",
  "request_id",
  "entity_id",
  "time",
  "label",
  "label_time",
  "label_id",
] as const;
export type LabelField = (typeof LABEL_FIELDS)[number];

/** As JSON writes numbers: 007 and 1e are texts. */
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/;
const WHOLE = /^-?\d{1,15}$/;

/** Index of each field's column; fields that the file does not have are left out. */
export type LabelColumns = ReadonlyMap<LabelField, number>;

/**
 * @param named columns of other names than their fields'.
 * @throws EngineError INVALID_REQUEST when a named column is not there, or too few are.
 */
export function findColumns(
  header: readonly string[],
  named: Readonly<Partial<Record<LabelField, string>>>,
): LabelColumns {
  const names = header.map((name) => name.trim());
  const columns = new Map<LabelField, number>();
  for (const field of LABEL_FIELDS) {
    const name = named[field];
    const index = names.indexOf(name ?? field);
    if (index >= 0) columns.set(field, index);
    else if (name !== undefined)
      throw missing(names, `there is no column ${JSON.stringify(name)} for ${field}`);
  }
  if (!columns.has("label")) throw missing(names, "there is no column label: name it with --label-column");
  const hasEntity = columns.has("entity_id") && columns.has("time");
  if (!columns.has("prediction_id") && !columns.has("request_id") && !hasEntity)
    throw missing(names, "there is no column prediction_id, no request_id, and no entity_id with time");
  return columns;
}

function missing(names: readonly string[], why: string): EngineError {
  return new EngineError("INVALID_REQUEST", `${why}; the file has ${names.slice(0, 50).join(", ")}`);
}

/** @throws EngineError INVALID_REQUEST naming the field. */
export function toLabelBody(columns: LabelColumns, fields: readonly string[]): LabelBody {
  const text = (field: LabelField): string | undefined => {
    const value = fields[columns.get(field) ?? -1]?.trim();
    return value === "" ? undefined : value;
  };
  const body: Record<string, unknown> = {
    label: toScalar(text("label")),
    label_time: toTime(text("label_time")),
    label_id: text("label_id"),
  };
  const predictionId = text("prediction_id");
  const requestId = text("request_id");
  if (predictionId !== undefined) body["prediction_id"] = predictionId;
  else if (requestId !== undefined) body["request_id"] = requestId;
  else {
    body["entity_id"] = text("entity_id");
    body["time"] = toTime(text("time"));
  }
  return checkLabel(body);
}

function toScalar(text: string | undefined): unknown {
  if (text === "true" || text === "false") return text === "true";
  return text !== undefined && NUMBER.test(text) ? Number(text) : text;
}

function toTime(text: string | undefined): unknown {
  return text !== undefined && WHOLE.test(text) ? Number(text) : text;
}
