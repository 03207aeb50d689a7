/**
 * Volume and latencies of predictions, counted per minute and per hour: the tables, the materialized views that fill
 * them from inserts into `predictions`, and views with quantiles for analysts.
 *
 * Latencies are counts by logarithmic bucket (engine/core/latency-buckets), so any range is a sum. Each row also holds the
 * highest log sequence it counts: TrafficCatchUp tells by it what a view has missed. Part of a migration: what stands
 * here is never changed.
 */

/** Of the tables, by the time that a row of theirs counts. */
export const TRAFFIC_TABLES = {
  minute: { table: "traffic_minutes", timeOf: "toStartOfMinute" },
  hour: { table: "traffic_hours", timeOf: "toStartOfHour" },
} as const;
export type TrafficUnit = keyof typeof TRAFFIC_TABLES;

export const STAGES = ["latency_ms", "queue_ms", "inference_ms"] as const;

/** Of latency-buckets: ln((1 + 0.01) / (1 - 0.01)), µs as the first bucket's end, and 1024 buckets. */
const LN_GAMMA = "0.020000666706669435";
export const QUANTILES = [50, 95, 99] as const;

const KEYS = "time, model_name, model_version, variant, source, log_epoch";

/** The counts of rows of `predictions`, for one of the tables. */
export function trafficSelect(unit: TrafficUnit, where = "true"): string {
  const stages = STAGES.map((stage) => `${bucketsSql(stage)} AS ${stage}`);
  return `SELECT ${TRAFFIC_TABLES[unit].timeOf}(toDateTime(prediction_date, 'UTC')) AS time,
    model_name, model_version, variant, source, log_epoch, max(log_seq) AS last_seq, count() AS rows,
    ${stages.join(",\n    ")}
  FROM {database}.predictions WHERE ${where} GROUP BY ${KEYS}`;
}

/** Counted into an array, which costs a quarter of `sumMap`'s time, and then without what is empty. */
function bucketsSql(stage: string): string {
  const logarithm = `log(greatest(predictions.${stage}, 1e-9) * 1000) / ${LN_GAMMA}`;
  const counts = `countResample(0, 1024, 1)(toUInt16(least(1023, greatest(0, ceil(${logarithm})))))`;
  return `mapFilter((bucket, n) -> n > 0, mapFromArrays(range(toUInt16(1024)), ${counts}))`;
}

/** The statements of the migration. Each may be run again. */
export function trafficStatements(): readonly string[] {
  const units = Object.keys(TRAFFIC_TABLES) as TrafficUnit[];
  return [
    ...units.map(tableSql),
    ...units.map(
      (unit) =>
        `CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.${TRAFFIC_TABLES[unit].table}_feed
          TO {database}.${TRAFFIC_TABLES[unit].table} AS ${trafficSelect(unit)}`,
    ),
    shownSql("minute", "traffic_minutes", "time"),
    shownSql("hour", "traffic_hours", "time"),
    shownSql("day", "traffic_hours", "toStartOfDay(time)"),
  ];
}

/**
 * Not partitioned: one insert is one part then, all of it or nothing. With a window of its own: an insert that is repeated
 * is dropped by `predictions`, but still handed on to the views.
 */
function tableSql(unit: TrafficUnit): string {
  const about = {
    latency_ms: "arrival to the end of inference",
    queue_ms: "arrival to the start of inference",
    inference_ms: "of the whole batch",
  };
  const stages = STAGES.map(
    (stage) =>
      `${stage} SimpleAggregateFunction(sumMap, Map(UInt16, UInt64)) COMMENT '${about[stage]}: rows by bucket k, above 1.01/0.99 ^ (k-1) and up to 1.01/0.99 ^ k microseconds'`,
  );
  return `CREATE TABLE IF NOT EXISTS {database}.${TRAFFIC_TABLES[unit].table} (
    time DateTime('UTC') COMMENT 'start of the ${unit} of prediction_date',
    model_name LowCardinality(String),
    model_version LowCardinality(String),
    variant LowCardinality(String),
    source Enum8('http' = 1, 'nats' = 2, 'stream' = 3, 'batch' = 4),
    log_epoch UInt64,
    last_seq SimpleAggregateFunction(max, UInt64) COMMENT 'the last log_seq that is counted here',
    rows SimpleAggregateFunction(sum, UInt64) COMMENT 'predictions',
    ${stages.join(",\n    ")}
  )
  ENGINE = AggregatingMergeTree
  ORDER BY (model_name, time, model_version, variant, source, log_epoch)
  SETTINGS non_replicated_deduplication_window = 10000`;
}

/**
 * A quantile of counted latencies, ms: of the least latency that at least this share of the rows does not exceed (NumPy's
 * `inverted_cdf`), within 1 %. The figure is where the relative distance to both ends of the bucket is the same.
 */
export function quantileSql(buckets: string, rows: string, share: number): string {
  const index = `arrayFirstIndex(c -> c >= ${share} * ${rows}, arrayCumSum(mapValues(${buckets})))`;
  return `pow(1.01 / 0.99, mapKeys(${buckets})[${index}]) * 0.99 / 1000`;
}

function shownSql(name: string, table: string, time: string): string {
  const quantiles = STAGES.flatMap((stage) =>
    QUANTILES.map((percent) => {
      const column = stage.replace(/_ms$/, `_p${percent}_ms`);
      return `round(${quantileSql(`counted.${stage}`, "counted.rows", percent / 100)}, 6) AS ${column}`;
    }),
  );
  const sums = STAGES.map((stage) => `sumMap(t.${stage}) AS ${stage}`);
  return `CREATE OR REPLACE VIEW {database}.traffic_by_${name} AS
    SELECT time, model_name, model_version, variant, rows,
      ${quantiles.join(",\n      ")}
    FROM (
      SELECT ${time} AS time, t.model_name AS model_name, t.model_version AS model_version, t.variant AS variant,
        sum(t.rows) AS rows, ${sums.join(", ")}
      FROM {database}.${table} AS t GROUP BY time, model_name, model_version, variant
    ) AS counted`;
}
