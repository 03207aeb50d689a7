/**
 * Predictions with their labels as columns of typed arrays, for whoever computes metrics of them: those of a model's version in
 * [from, to), with the labels that had arrived by a moment, in the order of prediction_date and prediction_id, so that the same
 * question gives the same numbers to the last bit.
 *
 * Read as RowBinary while it comes. Bound: `rowsMax` rows, the earliest ones.
 */
import { EngineError, messageOf } from "../engine/core/errors.ts";
import type { LabelledQuestion, LabelledRows } from "../engine/core/labelled-rows.ts";
import type { ClickHouse } from "./clickhouse.ts";
import { drawnSql, momentSql, rangeScope, scopeUpTo, winnersSql } from "./label-matches.ts";
import { LabelledRowReader } from "./labelled-row-reader.ts";
import { QueryParams } from "./query-params.ts";

/** @throws EngineError SERVICE_UNAVAILABLE */
export async function readLabelledRows(
  client: Pick<ClickHouse, "exec">,
  database: string,
  question: LabelledQuestion,
): Promise<LabelledRows> {
  const params = new QueryParams();
  const query = `${rowsQuery(database, question, params)} FORMAT RowBinary`;
  const reader = new LabelledRowReader(question);
  try {
    const { stream } = await client.exec({ query, query_params: { ...params.values } });
    for await (const chunk of stream) reader.read(chunk as Buffer);
  } catch (error) {
    throw new EngineError("SERVICE_UNAVAILABLE", `ClickHouse: ${messageOf(error)}`, { cause: error });
  }
  if (reader.restBytes > 0) throw new EngineError("SERVICE_UNAVAILABLE", "ClickHouse: the answer is cut off");
  return reader.finish();
}

function rowsQuery(database: string, question: LabelledQuestion, params: QueryParams): string {
  const {
    model,
    version,
    variant,
    fromMs,
    toMs,
    asOfMs,
    upTo,
    oneIn = 1,
    classes,
    slices,
    rowsMax,
  } = question;
  const all = rangeScope(database, params.text(model), momentSql(params, fromMs), momentSql(params, toMs));
  const range = upTo === undefined ? all : scopeUpTo(all, upTo, params);
  const asOf = asOfMs === undefined ? "" : ` AND arrival_time <= ${momentSql(params, asOfMs)}`;
  const winners = winnersSql({ ...range, labels: `${range.labels}${asOf}` });
  const ofVersion = `model_version = ${params.text(version)}${variant === undefined ? "" : ` AND variant = ${params.text(variant)}`}`;
  const drawn = oneIn === 1 ? "" : ` AND ${drawnSql(oneIn, params)}`;
  const names = params.texts(classes);
  const outputs = [
    "p.predicted_value",
    `toInt16(indexOf(${names}, toString(p.predicted_class)) - 1)`,
    labelSql(classes, names),
    ...(classes.length === 0 ? [] : [`arrayResize(p.probabilities, ${classes.length}, toFloat32(nan))`]),
    ...slices.map(({ kind, index }) =>
      kind === "number" ? `p.features[${index + 1}]` : `p.categories[${index + 1}]`,
    ),
  ];
  return `
    SELECT ${outputs.join(", ")}
    FROM (
      SELECT prediction_id, prediction_date, predicted_value, predicted_class, probabilities, features, categories
      FROM ${database}.predictions WHERE ${range.predictions} AND ${range.dates} AND ${ofVersion}${drawn}
    ) AS p INNER JOIN (${winners}) AS l ON p.prediction_id = l.prediction_id
    ORDER BY p.prediction_date, p.prediction_id LIMIT ${params.bind(rowsMax + 1, "UInt64")}`;
}

/**
 * A class by its name; a number by its text (1 for the class "1"); of two classes neither of which is called true, a boolean says
 * whether it is the last one.
 */
export function labelSql(classes: readonly string[], names: string): string {
  if (classes.length === 0) return "l.label_value";
  const byName = `indexOf(${names}, if(l.label_class = '', toString(l.label_value), l.label_class))`;
  const isBoolean = "l.label_class != '' AND NOT isNaN(l.label_value)";
  const place =
    classes.length === 2 && !classes.includes("true")
      ? `if(${isBoolean}, toUInt64(l.label_value) + 1, ${byName})`
      : byName;
  return `if(${place} = 0, nan, toFloat64(${place} - 1))`;
}
