/**
 * What a model was served and later labelled with, for training: each prediction once, with the features as they were logged and the
 * label that counts of those that had arrived by a moment, up to positions of both streams, so that reading again gives the same rows.
 *
 * A request that several versions answered, or that was sent again, is one row if its features are the same. In the order of
 * prediction_date and prediction_id. Bound: `rowsMax` rows; of more, those with the lowest hashes of their ids.
 */
import { EngineError, messageOf } from "../engine/core/errors.ts";
import type { LabelPositions } from "../engine/core/labelled-rows.ts";
import type { ModelInput } from "../engine/core/model-input.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { type MatchScope, momentSql, rangeScope, scopeUpTo, winnersSql } from "./label-matches.ts";
import { labelSql } from "./labelled-rows.ts";
import { QueryParams } from "./query-params.ts";
import { ServedRowReader, type ServedRows } from "./served-row-reader.ts";

export interface ServedScope {
  readonly model: string;
  readonly versions: readonly string[];
  /** Of prediction_date, ms since 1970: [from, to). */
  readonly fromMs: number;
  readonly toMs: number;
  /** Only labels that had arrived by then. */
  readonly asOfMs: number;
  readonly upTo: LabelPositions;
}

export interface ServedQuestion extends ServedScope {
  /** Of all the versions. */
  readonly inputs: readonly ModelInput[];
  /** In the order of the model's probabilities; empty for a regression. */
  readonly classes: readonly string[];
  readonly rowsMax: number;
}

/** What there is, also where there is nothing to train on. */
export interface ServedCounts {
  /** Predictions of the period, and those of them that have a label. */
  readonly predictions: number;
  readonly labelled: number;
  /** Predictions of the versions at any time, and when the first and the last one was made; 0 when there is none. */
  readonly ever: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

/** @throws EngineError SERVICE_UNAVAILABLE */
export async function countServedRows(
  client: Pick<ClickHouse, "query">,
  database: string,
  question: ServedScope,
): Promise<ServedCounts> {
  const params = new QueryParams();
  const scope = scopeOf(database, question, params);
  const ofVersions = versionsSql(question, params);
  const [row] = await selectRows<Record<keyof ServedCounts, string>>(
    client,
    `SELECT countIf(${scope.dates}) AS predictions, count() AS ever,
       toUnixTimestamp64Milli(min(prediction_date)) AS firstMs, toUnixTimestamp64Milli(max(prediction_date)) AS lastMs,
       (SELECT count() FROM ${database}.predictions WHERE ${scope.predictions} AND ${scope.dates} AND ${ofVersions}
         AND prediction_id IN (SELECT prediction_id FROM (${winnersSql(scope)}))) AS labelled
     FROM ${database}.predictions WHERE ${scope.predictions} AND ${ofVersions}`,
    { ...params.values },
  );
  return {
    predictions: Number(row?.predictions ?? 0),
    labelled: Number(row?.labelled ?? 0),
    ever: Number(row?.ever ?? 0),
    firstMs: Number(row?.firstMs ?? 0),
    lastMs: Number(row?.lastMs ?? 0),
  };
}

/**
 * @param labelled how many rows there are at most: `labelled` of countServedRows for the same question.
 * @throws EngineError SERVICE_UNAVAILABLE, PAYLOAD_TOO_LARGE, INVALID_REQUEST when a version has other inputs.
 */
export async function readServedRows(
  client: Pick<ClickHouse, "exec">,
  database: string,
  question: ServedQuestion,
  labelled: number,
): Promise<ServedRows> {
  const { inputs, rowsMax } = question;
  const params = new QueryParams();
  const query = rowsQuery(database, question, params, labelled > rowsMax ? rowsMax : undefined);
  const reader = new ServedRowReader(inputs, Math.min(labelled, rowsMax));
  try {
    const { stream } = await client.exec({ query, query_params: { ...params.values } });
    for await (const chunk of stream) reader.read(chunk as Buffer);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError("SERVICE_UNAVAILABLE", `ClickHouse: ${messageOf(error)}`, { cause: error });
  }
  return reader.finish();
}

/** @param drawn how many rows are drawn, if not all are taken. */
function rowsQuery(
  database: string,
  question: ServedQuestion,
  params: QueryParams,
  drawn: number | undefined,
): string {
  const { classes } = question;
  const scope = scopeOf(database, question, params);
  const names = params.texts(classes);
  const columns = [
    "toUnixTimestamp64Milli(p.prediction_date) AS date_ms",
    "murmurHash3_32(if(p.entity_id = '', p.request_id, p.entity_id)) AS row_group",
    `${labelSql(classes, names)} AS label`,
    "p.features AS features",
    "p.categories AS categories",
  ];
  const rows = (selected: readonly string[]): string => `
    SELECT ${selected.join(", ")}
    FROM (
      SELECT prediction_id, request_id, entity_id, prediction_date, features, categories
      FROM ${database}.predictions WHERE ${scope.predictions} AND ${scope.dates} AND ${versionsSql(question, params)}
    ) AS p INNER JOIN (${winnersSql(scope)}) AS l ON p.prediction_id = l.prediction_id
    ORDER BY p.prediction_date, p.prediction_id LIMIT 1 BY p.request_id, cityHash64(p.features, p.categories)`;
  if (drawn === undefined) return `${rows(columns)} FORMAT RowBinary`;
  return `
    SELECT date_ms, row_group, label, features, categories FROM (
      SELECT * FROM (${rows([...columns, "p.prediction_id AS id"])})
      ORDER BY cityHash64(id), id LIMIT ${params.bind(drawn, "UInt64")}
    ) ORDER BY date_ms, id FORMAT RowBinary`;
}

function scopeOf(
  database: string,
  { model, fromMs, toMs, asOfMs, upTo }: ServedScope,
  params: QueryParams,
): MatchScope {
  const range = rangeScope(database, params.text(model), momentSql(params, fromMs), momentSql(params, toMs));
  const { labels, ...scope } = scopeUpTo(range, upTo, params);
  return { ...scope, labels: `${labels} AND arrival_time <= ${momentSql(params, asOfMs)}` };
}

function versionsSql({ versions }: ServedScope, params: QueryParams): string {
  return `model_version IN ${params.texts(versions)}`;
}
