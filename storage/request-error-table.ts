/** The `request_errors` table: how many requests failed per minute, told by the data planes. */

/** Statements of a migration: never changed. */
export function requestErrorStatements(): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS {database}.request_errors (
      log_epoch UInt64 COMMENT 'creation time of the errors stream the report came through, ms',
      log_seq UInt64 COMMENT 'sequence of the report in it',
      arrival_time DateTime64(3, 'UTC') COMMENT 'when the stream stored the report',
      report_id UUID,
      minute DateTime('UTC') COMMENT 'when the requests failed',
      model_name LowCardinality(String) COMMENT 'empty if no known model was asked for',
      model_version LowCardinality(String) COMMENT 'empty if the request did not get to one',
      source Enum8('http' = 1, 'nats' = 2, 'stream' = 3, 'batch' = 4) COMMENT 'entrance; each delivery of a durable request counts',
      code LowCardinality(String) COMMENT 'of the error, as in the answer',
      count UInt32 COMMENT 'rows that failed so'
    )
    ENGINE = MergeTree
    PARTITION BY toYYYYMM(arrival_time)
    ORDER BY (model_name, minute)
    SETTINGS non_replicated_deduplication_window = 10000`,
  ];
}
