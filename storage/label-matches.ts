/**
 * Which label is of which prediction: SQL over `labels` and `predictions`, for everything that joins the two.
 *
 *     prediction_id   the prediction
 *     request_id      every prediction of the request: one that was sent again, or went to several versions, is still one request
 *     entity_id, time the entity's latest prediction at or before the time, unless it is older than ENTITY_DAYS_MAX
 *
 * Of several labels of one prediction the most exact counts, in this order, and of those alike the one that arrived last: so
 * the order in which labels and predictions come makes no difference. A label is of predictions of its model only.
 */
import type { LabelPositions, TablePosition } from "../engine/core/labelled-rows.ts";
import type { QueryParams } from "./query-params.ts";

/** A label says nothing of a prediction that is older than this, days. */
export const ENTITY_DAYS_MAX = 7;
/** In the order of precedence, the least first. */
export const LABEL_SOURCES = ["entity", "request_id", "prediction_id"] as const;

const ZERO = "toUUID('00000000-0000-0000-0000-000000000000')";
const LABEL = "log_epoch, log_seq, label_value, label_class, label_time, arrival_time";

/** Conditions in SQL. */
export interface MatchScope {
  readonly database: string;
  /** On labels, the model among them. */
  readonly labels: string;
  /** On event_time of labels of entities: which ones may be of the predictions. */
  readonly times: string;
  /** On predictions, the model among them. */
  readonly predictions: string;
  /** On prediction_date of the predictions that are asked for. */
  readonly dates: string;
  /** On prediction_date of those that a label of an entity may be of: these, and what may come between them and its time. */
  readonly rivalDates: string;
}

/** Rows prediction_id, source (from 1, of LABEL_SOURCES) and the label's: one for each label of a prediction. */
export function matchesSql({ database, labels, times, predictions, dates, rivalDates }: MatchScope): string {
  const asked = `${database}.predictions WHERE ${predictions} AND ${dates}`;
  const ofEntities = `SELECT entity_id, event_time, ${LABEL} FROM ${database}.labels WHERE ${labels} AND entity_id != '' AND ${times}`;
  return `
    SELECT prediction_id, 3 AS source, ${LABEL} FROM ${database}.labels
    WHERE ${labels} AND prediction_id != ${ZERO} AND prediction_id IN (SELECT prediction_id FROM ${asked})
    UNION ALL
    SELECT p.prediction_id, 2 AS source, ${LABEL}
    FROM (SELECT request_id, ${LABEL} FROM ${database}.labels WHERE ${labels} AND request_id != '') AS l
    INNER JOIN (SELECT request_id, prediction_id FROM ${asked}) AS p ON l.request_id = p.request_id
    UNION ALL
    SELECT p.latest_id AS prediction_id, 1 AS source, ${LABEL}
    FROM (${ofEntities}) AS l
    ASOF INNER JOIN (
      SELECT entity_id, prediction_date, max(prediction_id) AS latest_id FROM ${database}.predictions
      WHERE ${predictions} AND ${rivalDates} AND entity_id IN (SELECT entity_id FROM (${ofEntities}))
      GROUP BY entity_id, prediction_date
    ) AS p ON l.entity_id = p.entity_id AND l.event_time >= p.prediction_date
    WHERE l.event_time <= p.prediction_date + toIntervalDay(${ENTITY_DAYS_MAX}) AND ${dates}`;
}

/** As matchesSql, with one row for each prediction: that of the label that counts. */
export function winnersSql(scope: MatchScope): string {
  return `
    SELECT * FROM (${matchesSql(scope)})
    ORDER BY source DESC, log_epoch DESC, log_seq DESC LIMIT 1 BY prediction_id`;
}

/** The scope of a model's predictions in [from, to): SQL of values that are bound, or of a view's parameters. */
export function rangeScope(database: string, model: string, from: string, to: string): MatchScope {
  const ofModel = `model_name = ${model}`;
  const later = `${to} + toIntervalDay(${ENTITY_DAYS_MAX})`;
  return {
    database,
    labels: ofModel,
    times: `event_time >= ${from} AND event_time < ${later}`,
    predictions: ofModel,
    dates: `prediction_date >= ${from} AND prediction_date < ${to}`,
    rivalDates: `prediction_date >= ${from} AND prediction_date < ${later}`,
  };
}

/** SQL of a moment that is bound as milliseconds since 1970. */
export function momentSql(params: QueryParams, ms: number): string {
  return `fromUnixTimestamp64Milli(${params.bind(ms, "Int64")}, 'UTC')`;
}

/** Condition on rows of a stream's table: those stored up to a position. */
export function storedBySql({ epoch, seq }: TablePosition, params: QueryParams): string {
  const stream = params.bind(epoch, "UInt64");
  return `(log_epoch < ${stream} OR (log_epoch = ${stream} AND log_seq <= ${params.bind(seq, "UInt64")}))`;
}

/** A scope without what was stored later. */
export function scopeUpTo(scope: MatchScope, upTo: LabelPositions, params: QueryParams): MatchScope {
  return {
    ...scope,
    labels: `${scope.labels} AND ${storedBySql(upTo.labels, params)}`,
    predictions: `${scope.predictions} AND ${storedBySql(upTo.predictions, params)}`,
  };
}

/** Condition on predictions: one request in so many, whichever version answered it. */
export function drawnSql(oneIn: number, params: QueryParams): string {
  return `cityHash64(if(request_id = '', toString(prediction_id), request_id)) % ${params.bind(oneIn, "UInt32")} = 0`;
}

/** The scope of some labels of a model, `labels`, with its predictions from `since` on. */
export function labelsScope(database: string, model: string, labels: string, since: string): MatchScope {
  const named = (column: string, none: string): string =>
    `${column} IN (SELECT ${column} FROM ${database}.labels WHERE ${labels} AND ${column} != ${none})`;
  const isNamed = [named("prediction_id", ZERO), named("request_id", "''"), named("entity_id", "''")].join(
    " OR ",
  );
  const dates = `prediction_date >= ${since}`;
  return {
    database,
    labels,
    times: "true",
    predictions: `model_name = ${model} AND (${isNamed})`,
    dates,
    rivalDates: dates,
  };
}
