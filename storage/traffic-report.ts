/**
 * What the traffic tables and `request_errors` say of a model: counts per step for reports, counts per minute for service
 * levels.
 *
 * Every answer is a sum of the tables' rows, merged or not. Bounds: the caller's, of steps and minutes.
 */
import { type BucketCounts, bucketOf } from "../engine/core/latency-buckets.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { QueryParams } from "./query-params.ts";
import { STAGES, TRAFFIC_TABLES } from "./traffic-tables.ts";

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

/** Predictions of a step, and their latencies counted by bucket. */
export interface TrafficStep {
  /** Start of the step, ms since 1970. */
  readonly time: number;
  readonly rows: number;
  readonly latency_ms: BucketCounts;
  readonly queue_ms: BucketCounts;
  readonly inference_ms: BucketCounts;
}

/** Failed requests of a step. */
export interface ErrorStep {
  readonly time: number;
  readonly code: string;
  readonly count: number;
}

const NUMBERS = "SETTINGS output_format_json_quote_64bit_integers = 0";

/** The steps that have predictions, in order. @throws EngineError SERVICE_UNAVAILABLE */
export async function readTraffic(
  client: Pick<ClickHouse, "query">,
  database: string,
  question: TrafficQuestion,
): Promise<readonly TrafficStep[]> {
  const { table, startOf } = STEP_SOURCES[question.step];
  const params = new QueryParams();
  const conditions = [rangeSql("t.time", question, params)];
  if (question.variant !== undefined) conditions.push(`t.variant = ${params.text(question.variant)}`);
  const query = `
    SELECT toUnixTimestamp(${startOf}(t.time)) * 1000 AS at, sum(t.rows) AS total,
      ${STAGES.map((stage) => `sumMap(t.${stage}) AS ${stage}`).join(", ")}
    FROM ${database}.${table} AS t WHERE ${conditions.join(" AND ")} GROUP BY at ORDER BY at ${NUMBERS}`;
  const rows = await selectRows<Omit<TrafficStep, "time" | "rows"> & { at: number; total: number }>(
    client,
    query,
    { ...params.values },
  );
  return rows.map(({ at, total, ...stages }) => ({ time: at, rows: total, ...stages }));
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

export interface MinutesQuestion {
  readonly model: string;
  readonly from: number;
  readonly to: number;
  /** Codes that count as errors. */
  readonly codes: readonly string[];
  /** Rows in a bucket above this latency's are slow. */
  readonly boundMs?: number;
  /** Of each minute this quantile is told. */
  readonly quantile?: number;
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
  /** The quantile of the minute's latencies, ms; 0 without predictions. */
  readonly latency_ms: readonly number[];
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
  const isAsked = question.quantile !== undefined;
  const merged = isAsked ? "sumMap(t.latency_ms)" : "map()::Map(UInt16, UInt64)";
  const quantile = isAsked ? quantileSql(params.bind(question.quantile, "Float64")) : "0";
  const codes = params.texts(question.codes);
  const query = `
    SELECT groupArray(at) AS time, groupArray(n) AS answered, groupArray(failed) AS errors,
      groupArray(late) AS slow, groupArray(typical) AS latency_ms
    FROM (
      SELECT at, sum(n) AS n, sum(failed) AS failed, sum(late) AS late, max(typical) AS typical FROM (
        SELECT at, n, 0 AS failed, late, ${quantile} AS typical FROM (
          SELECT toUnixTimestamp(t.time) * 1000 AS at, sum(t.rows) AS n, sum(${slow}) AS late, ${merged} AS buckets
          FROM ${database}.${TRAFFIC_TABLES.minute.table} AS t WHERE ${rangeSql("t.time", question, params)}
          GROUP BY at
        )
        UNION ALL
        SELECT toUnixTimestamp(minute) * 1000 AS at, 0 AS n, sum(count) AS failed, 0 AS late, 0 AS typical
        FROM ${database}.request_errors AS t
        WHERE ${rangeSql("minute", question, params)} AND code IN ${codes}
        GROUP BY at
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

/** As latencyQuantiles. */
function quantileSql(share: string): string {
  const index = `arrayFirstIndex(c -> c >= ${share} * n, arrayCumSum(mapValues(buckets)))`;
  return `pow(1.01 / 0.99, mapKeys(buckets)[${index}]) * 0.99 / 1000`;
}
