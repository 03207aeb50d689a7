/**
 * Which hours of predictions have other labels than before: what was computed of them is to be computed again.
 *
 *     labels that came since      → the predictions they are of
 *     predictions that came since → those that a label was waiting for, and those that a label was taken for until now
 *
 * Positions are those of the streams as they stand in the tables, so nothing is missed and nothing told twice, however late it
 * comes. Bound: predictions since a moment.
 */
import type { LabelPositions, TablePosition } from "../engine/core/labelled-rows.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { labelsScope, type MatchScope, matchesSql, momentSql, storedBySql } from "./label-matches.ts";
import { QueryParams } from "./query-params.ts";

export interface ChangedHours {
  /** Starts of hours of prediction_date, ms since 1970, ascending. */
  readonly hoursMs: readonly number[];
  /** To ask from next time. */
  readonly positions: LabelPositions;
}

/**
 * @param sinceMs older predictions do not matter, ms since 1970.
 * @throws EngineError SERVICE_UNAVAILABLE
 */
export async function changedLabelHours(
  client: Pick<ClickHouse, "query">,
  database: string,
  model: string,
  sinceMs: number,
  from: LabelPositions,
): Promise<ChangedHours> {
  const to = await readPositions(client, database, model, from);
  const params = new QueryParams();
  const query = changedQuery(database, { model, sinceMs, from, to }, params);
  if (query === undefined) return { hoursMs: [], positions: to };
  const rows = await selectRows<{ hour: number }>(client, query, { ...params.values });
  return { hoursMs: rows.map(({ hour }) => hour * 1000), positions: to };
}

const BEGINNING: LabelPositions = { labels: { epoch: 0, seq: 0 }, predictions: { epoch: 0, seq: 0 } };

/**
 * Where both tables end now, for a model.
 * @param from where they ended at the last reading.
 * @throws EngineError SERVICE_UNAVAILABLE
 */
export async function readPositions(
  client: Pick<ClickHouse, "query">,
  database: string,
  model: string,
  from = BEGINNING,
): Promise<LabelPositions> {
  const last = async (table: keyof LabelPositions): Promise<TablePosition> => {
    const [row] = await selectRows<{ last: readonly [number, number] }>(
      client,
      `SELECT max((log_epoch, log_seq)) AS last FROM ${database}.${table}
       WHERE model_name = {model:String} AND log_epoch >= {epoch:UInt64}
       SETTINGS output_format_json_quote_64bit_integers = 0, output_format_json_named_tuples_as_objects = 0`,
      { model, epoch: from[table].epoch },
    );
    const [epoch, seq] = row?.last ?? [0, 0];
    return epoch === 0 ? from[table] : { epoch, seq };
  };
  return { labels: await last("labels"), predictions: await last("predictions") };
}

interface Change {
  readonly model: string;
  readonly sinceMs: number;
  readonly from: LabelPositions;
  readonly to: LabelPositions;
}

/** Undefined when nothing came. */
function changedQuery(database: string, change: Change, params: QueryParams): string | undefined {
  const { model, sinceMs, from, to } = change;
  const ofModel = `model_name = ${params.text(model)}`;
  const since = momentSql(params, sinceMs);
  const isKnown = `${ofModel} AND ${storedBySql(to.labels, params)}`;
  const scopes: MatchScope[] = [];
  if (!isSame(from.labels, to.labels)) {
    const isNew = `${isKnown} AND NOT ${storedBySql(from.labels, params)}`;
    scopes.push(labelsScope(database, params.text(model), isNew, since));
  }
  if (!isSame(from.predictions, to.predictions) && to.labels.epoch > 0) {
    const isOld = storedBySql(from.predictions, params);
    const fresh = `${database}.predictions WHERE ${ofModel} AND ${storedBySql(to.predictions, params)} AND NOT ${isOld} AND prediction_date >= ${since}`;
    const isAwaited = `${isKnown} AND (
      prediction_id IN (SELECT prediction_id FROM ${fresh})
      OR (request_id != '' AND request_id IN (SELECT request_id FROM ${fresh}))
      OR (entity_id != '' AND entity_id IN (SELECT entity_id FROM ${fresh}) AND event_time >= (SELECT min(prediction_date) FROM ${fresh})))`;
    const waiting = labelsScope(database, params.text(model), isAwaited, since);
    scopes.push(waiting, { ...waiting, predictions: `${waiting.predictions} AND ${isOld}` });
  }
  if (scopes.length === 0) return undefined;
  const changed = scopes.map((scope) => `SELECT prediction_id FROM (${matchesSql(scope)})`);
  return `
    SELECT DISTINCT toUnixTimestamp(toStartOfHour(prediction_date)) AS hour FROM ${database}.predictions
    WHERE ${ofModel} AND prediction_date >= ${since} AND prediction_id IN (${changed.join(" UNION ALL ")})
    ORDER BY hour`;
}

function isSame(one: TablePosition, other: TablePosition): boolean {
  return one.epoch === other.epoch && one.seq === other.seq;
}
