/**
 * The rows of a reference out of `predictions`: inputs and outputs of a model version's predictions in a window, as columns.
 *
 * Where there are more rows than asked for, those with the lowest hashes of their ids are taken: the same ones every time.
 * Read as RowBinary while it comes. Bound: `rowsMax` rows.
 */
import { EngineError, messageOf } from "../engine/core/errors.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { ColumnReader, type ColumnType, type ReadColumn } from "./column-reader.ts";
import { QueryParams } from "./query-params.ts";

export interface LoggedColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** Of an input: its place among the row's numbers or texts, from 0. Undefined for the prediction's value or class. */
  readonly index?: number;
}

export interface ReferenceScope {
  readonly model: string;
  readonly version: string;
  /** All of them when it is undefined. */
  readonly variant?: string | undefined;
  /** Of prediction_date, ms since 1970: [from, to). */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface ReferenceQuestion extends ReferenceScope {
  readonly columns: readonly LoggedColumn[];
  readonly rowsMax: number;
}

export interface ReferenceRows {
  readonly rows: number;
  /** Rows of the window, more than `rows` if these were drawn. */
  readonly total: number;
  /** By name. */
  readonly values: ReadonlyMap<string, ReadColumn>;
}

/** Characters kept of a text: a longer one has no bin of its own. */
const TEXT_LENGTH_KEPT = 257;

/** @throws EngineError SERVICE_UNAVAILABLE */
export async function countReferenceRows(
  client: Pick<ClickHouse, "query">,
  database: string,
  scope: ReferenceScope,
): Promise<number> {
  const params = new QueryParams();
  const query = `SELECT count() AS rows ${scopeSql(database, scope, params)}`;
  const [found] = await selectRows<{ rows: string }>(client, query, params.values);
  return Number(found?.rows ?? 0);
}

/** @throws EngineError SERVICE_UNAVAILABLE */
export async function readReferenceRows(
  client: Pick<ClickHouse, "exec" | "query">,
  database: string,
  question: ReferenceQuestion,
): Promise<ReferenceRows> {
  const { columns, rowsMax } = question;
  const params = new QueryParams();
  const scope = scopeSql(database, question, params);
  // the hash as a text: a UInt64 is no number of JavaScript
  const drawn = await selectRows<{ total: string; rows: string; last: string }>(
    client,
    `SELECT (SELECT count() ${scope}) AS total, count() AS rows, toString(max(hash)) AS last
     FROM (SELECT cityHash64(prediction_id) AS hash ${scope} ORDER BY hash LIMIT ${params.bind(rowsMax, "UInt64")})`,
    params.values,
  );
  const { total, rows, last } = drawn[0] ?? { total: "0", rows: "0", last: "0" };
  const reader = new ColumnReader(
    columns.map(({ type }) => type),
    Number(rows),
  );
  const limit = params.bind(Number(rows), "UInt64"); // predictions may be stored meanwhile
  const query = `SELECT ${columns.map(columnSql).join(", ")} ${scope}
    AND cityHash64(prediction_id) <= ${params.bind(last, "UInt64")} LIMIT ${limit} FORMAT RowBinary`;
  try {
    const { stream } = await client.exec({ query, query_params: { ...params.values } });
    for await (const chunk of stream) reader.read(chunk as Buffer);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError("SERVICE_UNAVAILABLE", `ClickHouse: ${messageOf(error)}`, { cause: error });
  }
  const read = reader.finish();
  if (reader.rows !== Number(rows))
    throw new EngineError("SERVICE_UNAVAILABLE", "ClickHouse: the answer is cut off; try again later");
  const values = new Map(columns.map(({ name }, index) => [name, read[index] as ReadColumn]));
  return { rows: reader.rows, total: Number(total), values };
}

function scopeSql(
  database: string,
  { model, version, variant, fromMs, toMs }: ReferenceScope,
  params: QueryParams,
): string {
  const momentOf = (ms: number): string => `fromUnixTimestamp64Milli(${params.bind(ms, "Int64")}, 'UTC')`;
  const ofVariant = variant === undefined ? "" : `AND variant = ${params.text(variant)}`;
  return `FROM ${database}.predictions WHERE model_name = ${params.text(model)}
    AND model_version = ${params.text(version)} ${ofVariant}
    AND prediction_date >= ${momentOf(fromMs)} AND prediction_date < ${momentOf(toMs)}`;
}

function columnSql({ type, index }: LoggedColumn): string {
  if (index === undefined) return type === "number" ? "predicted_value" : "toString(predicted_class)";
  return type === "number"
    ? `features[${index + 1}]`
    : `substringUTF8(categories[${index + 1}], 1, ${TEXT_LENGTH_KEPT})`;
}
