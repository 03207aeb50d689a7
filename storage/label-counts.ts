/**
 * How many labels there are, of what, and how late: of a model's predictions in [from, to), and of the labels that arrived then.
 *
 * A prediction's delay is that of its first label, whatever corrected it later. Bound: one row for each hour.
 */
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { labelsScope, matchesSql, momentSql, rangeScope } from "./label-matches.ts";
import { QueryParams } from "./query-params.ts";

const HOUR_MS = 3_600_000;
/** Ages at which it is told how many predictions had their label, hours: 1 h, 1 d, 7 d, 30 d. */
export const MATURITY_HOURS = [1, 24, 168, 720] as const;
const QUANTILES = [0.5, 0.9, 0.99] as const;

export interface LabelsQuestion {
  readonly model: string;
  /** Of prediction_date, and of the arrival of labels, ms since 1970: [from, to). */
  readonly fromMs: number;
  readonly toMs: number;
  /** Which predictions are how old. */
  readonly nowMs: number;
}

export interface HourLabels {
  /** Start of the hour of prediction_date, ms since 1970. */
  readonly hourMs: number;
  readonly predictions: number;
  /** Those that have a label. */
  readonly labelled: number;
  /** All labels of them, corrections included. */
  readonly labels: number;
}

export interface Maturity {
  readonly hours: number;
  /** That are at least so old. */
  readonly predictions: number;
  /** Those of them that had a label at that age. */
  readonly labelled: number;
}

export interface LabelCounts {
  /** With predictions, ascending. */
  readonly hours: readonly HourLabels[];
  /** From prediction to its first label, s, by their share such as "0.5"; undefined without a label. */
  readonly delaySeconds: Readonly<Record<string, number>> | undefined;
  readonly maturity: readonly Maturity[];
  /** Of the labels that arrived in [from, to): all, those of a prediction, and the last one's arrival, ms since 1970. */
  readonly arrived: number;
  readonly matched: number;
  readonly latestArrivalMs: number | undefined;
}

interface HourRow {
  readonly is_total: number;
  readonly hour: number;
  readonly predictions: number;
  readonly labelled: number;
  readonly labels: number;
  readonly delays: readonly number[];
  readonly old: readonly number[];
  readonly mature: readonly number[];
}

interface ArrivalRow {
  readonly arrived: number;
  readonly latest: number;
  readonly matched: number;
}

/** @throws EngineError SERVICE_UNAVAILABLE */
export async function readLabelCounts(
  client: Pick<ClickHouse, "query">,
  database: string,
  question: LabelsQuestion,
): Promise<LabelCounts> {
  const hourParams = new QueryParams();
  const hourQuery = hoursQuery(database, question, hourParams);
  const rows = await selectRows<HourRow>(client, hourQuery, { ...hourParams.values });
  const arrivalParams = new QueryParams();
  const arrivalQuery = arrivalsQuery(database, question, arrivalParams);
  const [arrivals] = await selectRows<ArrivalRow>(client, arrivalQuery, { ...arrivalParams.values });
  const total = rows.find((row) => row.is_total === 1);
  return {
    hours: rows.filter((row) => row.is_total === 0).map(toHour),
    delaySeconds:
      total === undefined || total.labelled === 0
        ? undefined
        : Object.fromEntries(QUANTILES.map((share, index) => [String(share), total.delays[index] as number])),
    maturity: MATURITY_HOURS.map((hours, index) => ({
      hours,
      predictions: total?.old[index] ?? 0,
      labelled: total?.mature[index] ?? 0,
    })),
    arrived: arrivals?.arrived ?? 0,
    matched: arrivals?.matched ?? 0,
    latestArrivalMs: (arrivals?.arrived ?? 0) === 0 ? undefined : arrivals?.latest,
  };
}

function toHour({ hour, predictions, labelled, labels }: HourRow): HourLabels {
  return { hourMs: hour * 1000, predictions, labelled, labels };
}

function hoursQuery(
  database: string,
  { model, fromMs, toMs, nowMs }: LabelsQuestion,
  params: QueryParams,
): string {
  const scope = rangeScope(database, params.text(model), momentSql(params, fromMs), momentSql(params, toMs));
  const old = MATURITY_HOURS.map(
    (hours) => `prediction_date <= ${momentSql(params, nowMs - hours * HOUR_MS)}`,
  );
  const within = MATURITY_HOURS.map((hours) => `delay <= ${hours * 3600}`);
  return `
    SELECT grouping(hour) AS is_total, toUnixTimestamp(hour) AS hour, count() AS predictions,
      countIf(count > 0) AS labelled, sum(count) AS labels,
      quantilesTDigestIf(${QUANTILES.join(", ")})(delay, count > 0) AS delays,
      [${old.map((is) => `countIf(${is})`).join(", ")}] AS old,
      [${old.map((is, index) => `countIf(count > 0 AND ${is} AND ${within[index]})`).join(", ")}] AS mature
    FROM (
      SELECT toStartOfHour(p.prediction_date) AS hour, p.prediction_date AS prediction_date, l.count AS count,
        greatest(0, (toUnixTimestamp64Milli(l.first) - toUnixTimestamp64Milli(p.prediction_date)) / 1000) AS delay
      FROM (
        SELECT prediction_id, prediction_date FROM ${database}.predictions WHERE ${scope.predictions} AND ${scope.dates}
      ) AS p LEFT JOIN (
        SELECT prediction_id, count() AS count, min(arrival_time) AS first FROM (${matchesSql(scope)}) GROUP BY prediction_id
      ) AS l ON p.prediction_id = l.prediction_id
    )
    GROUP BY GROUPING SETS ((hour), ()) ORDER BY hour
    SETTINGS output_format_json_quote_64bit_integers = 0, output_format_json_quote_denormals = 0, join_use_nulls = 0`;
}

function arrivalsQuery(
  database: string,
  { model, fromMs, toMs }: LabelsQuestion,
  params: QueryParams,
): string {
  const name = params.text(model);
  const [from, to] = [momentSql(params, fromMs), momentSql(params, toMs)];
  const labels = `model_name = ${name} AND arrival_time >= ${from} AND arrival_time < ${to}`;
  const scope = labelsScope(database, name, labels, momentSql(params, 0));
  return `
    SELECT count() AS arrived, toUnixTimestamp64Milli(max(arrival_time)) AS latest,
      (SELECT uniqExact(log_epoch, log_seq) FROM (${matchesSql(scope)})) AS matched
    FROM ${database}.labels WHERE ${labels}
    SETTINGS output_format_json_quote_64bit_integers = 0`;
}
