/**
 * What the traffic tables and `request_errors` say of a model: counts per step for reports, counts per minute for service
 * levels.
 *
 * Every answer is a sum of the tables' rows, merged or not. Bounds: the caller's, of steps and minutes.
 */
import { bucketOf } from "../engine/core/latency-buckets.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { QueryParams } from "./query-params.ts";
import { QUANTILES, quantileSql, STAGES, TRAFFIC_TABLES } from "./traffic-tables.ts";

export const STEPS = ["minute", "hour", "day"] as const;
export type Step = (typeof STEPS)[number];

/** From where each step is summed up, and what its start is, of a time. */
const STEP_SOURCES = {
  minute: { ...TRAFFIC_TABLES.minute, startOf: "toStartOfMinute" },
  hour: { ...TRAFFIC_TABLES.hour, startOf: "toStartOfHour" },
  day: { ...TRAFFIC_TABLES.hour, startOf: "toStartOfDay" },
} as const;

export interface TrafficQuestion {
  readonly model: string;
  /** All unless given. */
  readonly version?: string | undefined;
  readonly variant?: string | undefined;
  /** Start of the first step and of the one behind the last, ms since 1970. */
  readonly from: number;
  readonly to: number;
  readonly step: Step;
}

/** p50, p95 and p99 of a stage, ms, each within LATENCY_RELATIVE_ERROR of that of the rows. */
export type StageQuantiles = readonly [p50: number, p95: number, p99: number];

/** Predictions of a step, or of the whole range, and their latencies. */
export interface TrafficStep {
  /** Start of the step, ms since 1970. */
  readonly time: number;
  readonly rows: number;
  readonly latency_ms: StageQuantiles;
  readonly queue_ms: StageQuantiles;
  readonly inference_ms: StageQuantiles;
}

export interface Traffic {
  /** Undefined without predictions. */
  readonly total: TrafficStep | undefined;
  /** Those with predictions, in order. */
  readonly steps: readonly TrafficStep[];
}

/** Failed requests of a step. */
export interface ErrorStep {
  readonly time: number;
  readonly code: string;
  readonly count: number;
}

const NUMBERS = "SETTINGS output_format_json_quote_64bit_integers = 0";

/** Quantiles are told, not their counts: a day of minutes would be megabytes of those. @throws EngineError SERVICE_UNAVAILABLE */
export async function readTraffic(
  client: Pick<ClickHouse, "query">,
  database: string,
  question: TrafficQuestion,
): Promise<Traffic> {
  const { table, startOf } = STEP_SOURCES[question.step];
  const params = new QueryParams();
  const conditions = [rangeSql("t.time", question, params)];
  if (question.variant !== undefined) conditions.push(`t.variant = ${params.text(question.variant)}`);
  const quantiles = STAGES.map((stage) => {
    const each = QUANTILES.map((percent) => quantileSql(`counted.${stage}`, "counted.rows", percent / 100));
    return `[${each.join(", ")}] AS ${stage}`;
  });
  const query = `
    SELECT at AS time, rows, ${quantiles.join(", ")}
    FROM (
      SELECT toUnixTimestamp(${startOf}(t.time)) * 1000 AS at, sum(t.rows) AS rows,
        ${STAGES.map((stage) => `sumMap(t.${stage}) AS ${stage}`).join(", ")}
      FROM ${database}.${table} AS t WHERE ${conditions.join(" AND ")}
      GROUP BY GROUPING SETS ((at), ())
    ) AS counted WHERE rows > 0 ORDER BY time ${NUMBERS}`;
  const [total, ...steps] = await selectRows<TrafficStep>(client, query, { ...params.values });
  return { total, steps }; // what is grouped by nothing has time 0
}

/** Failed requests by step and code, in order. A variant is not known of them. @throws EngineError SERVICE_UNAVAILABLE */
export async function readRequestErrors(
  client: Pick<ClickHouse, "query">,
  database: string,
  question: TrafficQuestion,
): Promise<readonly ErrorStep[]> {
  const params = new QueryParams();
  const { startOf } = STEP_SOURCES[question.step];
  const query = `
    SELECT toUnixTimestamp(${startOf}(minute)) * 1000 AS time, toString(code) AS code, sum(count) AS count
    FROM ${database}.request_errors AS t WHERE ${rangeSql("minute", question, params)}
    GROUP BY time, code ORDER BY time, code ${NUMBERS}`;
  return selectRows<ErrorStep>(client, query, { ...params.values });
}

/**
 * Counts the requests for a version that failed in [fromMs, toMs), whole minutes, with one of the codes.
 * The function throws EngineError SERVICE_UNAVAILABLE.
 */
export function requestErrorCounter(
  client: Pick<ClickHouse, "query">,
  database: string,
  codes: readonly string[],
): (
  of: { readonly model: string; readonly version: string },
  fromMs: number,
  toMs: number,
) => Promise<number> {
  return async ({ model, version }, from, to) => {
    const params = new QueryParams();
    const query = `SELECT sum(t.count) AS count FROM ${database}.request_errors AS t
      WHERE ${rangeSql("minute", { model, version, from, to }, params)} AND code IN ${params.texts(codes)} ${NUMBERS}`;
    const rows = await selectRows<{ readonly count: number }>(client, query, { ...params.values });
    return rows[0]?.count ?? 0;
  };
}

export interface MinutesQuestion {
  readonly model: string;
  readonly from: number;
  readonly to: number;
  /** Codes that count as errors. */
  readonly codes: readonly string[];
  /** Rows in a bucket above this latency's are slow. */
  readonly boundMs?: number;
}

/** Of every minute with predictions or errors; columns of equal length, in the order of time. */
export interface MinuteColumns {
  /** Start, ms since 1970. */
  readonly time: readonly number[];
  /** Predictions. */
  readonly answered: readonly number[];
  readonly errors: readonly number[];
  /** Predictions above the bound. */
  readonly slow: readonly number[];
}

/** One row of arrays: a month of minutes is read in a few ms. @throws EngineError SERVICE_UNAVAILABLE */
export async function readServiceMinutes(
  client: Pick<ClickHouse, "query">,
  database: string,
  question: MinutesQuestion,
): Promise<MinuteColumns> {
  const params = new QueryParams();
  const slow =
    question.boundMs === undefined ? "0" : slowSql(params.bind(bucketOf(question.boundMs), "UInt16"));
  const codes = params.texts(question.codes);
  const query = `
    SELECT groupArray(at) AS time, groupArray(n) AS answered, groupArray(failed) AS errors, groupArray(late) AS slow
    FROM (
      SELECT at, sum(n) AS n, sum(failed) AS failed, sum(late) AS late FROM (
        SELECT toUnixTimestamp(t.time) * 1000 AS at, t.rows AS n, 0 AS failed, ${slow} AS late
        FROM ${database}.${TRAFFIC_TABLES.minute.table} AS t WHERE ${rangeSql("t.time", question, params)}
        UNION ALL
        SELECT toUnixTimestamp(minute) * 1000 AS at, 0 AS n, count AS failed, 0 AS late
        FROM ${database}.request_errors AS t
        WHERE ${rangeSql("minute", question, params)} AND code IN ${codes}
      ) GROUP BY at ORDER BY at
    ) ${NUMBERS}`;
  const rows = await selectRows<MinuteColumns>(client, query, { ...params.values });
  return rows[0] as MinuteColumns;
}

function rangeSql(
  time: string,
  { model, version, from, to }: Pick<TrafficQuestion, "model" | "version" | "from" | "to">,
  params: QueryParams,
): string {
  const conditions = [
    `t.model_name = ${params.text(model)}`,
    `${time} >= toDateTime(${params.bind(from / 1000, "UInt32")}, 'UTC')`,
    `${time} < toDateTime(${params.bind(to / 1000, "UInt32")}, 'UTC')`,
  ];
  if (version !== undefined) conditions.push(`t.model_version = ${params.text(version)}`);
  return conditions.join(" AND ");
}

function slowSql(bucket: string): string {
  return `arraySum(arrayMap((b, c) -> if(b > ${bucket}, c, 0), mapKeys(t.latency_ms), mapValues(t.latency_ms)))`;
}
