/**
 * The tables of the analytics database, as a list of steps that only ever grows.
 *
 * A step that has run anywhere is never changed: mend it with a later one. Every statement may be run again without
 * harm, so that a crash between a step and its record does none.
 */

import { requestErrorStatements } from "./request-error-store.ts";
import { trafficStatements } from "./traffic-tables.ts";

export interface Migration {
  readonly id: number;
  readonly name: string;
  /** `{database}` stands for the database's name. */
  readonly statements: readonly string[];
}

export const MIGRATIONS: readonly Migration[] = [
  {
    id: 1,
    name: "predictions",
    statements: [
      `CREATE TABLE IF NOT EXISTS {database}.predictions (
        log_epoch UInt64 COMMENT 'creation time of the log stream the row came through, ms',
        log_seq UInt64 COMMENT 'sequence of the log message the row came in',
        logged_date DateTime64(3, 'UTC') COMMENT 'when the row was put into the log',
        source Enum8('http' = 1, 'nats' = 2, 'stream' = 3, 'batch' = 4) COMMENT 'entrance of the request',
        prediction_id UUID,
        request_id String,
        model_name LowCardinality(String),
        model_version LowCardinality(String),
        variant LowCardinality(String) COMMENT 'of an experiment, or empty',
        entity_id String COMMENT 'empty if the request named none',
        predicted_value Float32 COMMENT 'regression: the value; two classes: probability of the last; more: the highest probability',
        predicted_class LowCardinality(String) COMMENT 'empty for a regression',
        probabilities Array(Float32) COMMENT 'in the order of the model''s classes',
        features Array(Float32) COMMENT 'served numbers in the model''s order; booleans as 0 and 1',
        categories Array(String) COMMENT 'served categories in the model''s order',
        latency_ms Float32 COMMENT 'arrival to the end of inference',
        queue_ms Float32 COMMENT 'arrival to the start of inference',
        inference_ms Float32 COMMENT 'of the whole batch',
        batch_rows UInt16 COMMENT 'rows computed together with this one',
        prediction_date DateTime64(3, 'UTC'),
        INDEX by_prediction_id prediction_id TYPE bloom_filter(0.01) GRANULARITY 4,
        INDEX by_request_id request_id TYPE bloom_filter(0.01) GRANULARITY 4,
        INDEX by_log_seq log_seq TYPE minmax GRANULARITY 1
      )
      ENGINE = MergeTree
      PARTITION BY toYYYYMM(logged_date)
      ORDER BY (model_name, prediction_date)
      SETTINGS non_replicated_deduplication_window = 10000`,
    ],
  },
  {
    id: 2,
    name: "served features",
    statements: [
      `ALTER TABLE {database}.predictions
        ADD COLUMN IF NOT EXISTS features_date DateTime64(3, 'UTC') COMMENT 'moment that windows and ages of looked-up features were taken at; 1970 if none were',
        ADD COLUMN IF NOT EXISTS entities Array(Tuple(type LowCardinality(String), id String, seq UInt64)) COMMENT 'whose features were looked up, and the last event of each that was known (log_seq in feature_values)',
        ADD COLUMN IF NOT EXISTS feature_status Map(LowCardinality(String), LowCardinality(String)) COMMENT 'features whose default was served: missing, stale or unavailable'`,
    ],
  },
  {
    id: 3,
    name: "feature values",
    statements: [
      `CREATE TABLE IF NOT EXISTS {database}.feature_values (
        log_epoch UInt64 COMMENT 'creation time of the features stream the event came through, ms',
        log_seq UInt64 COMMENT 'sequence of the event in it: the order of everything',
        entity_type LowCardinality(String),
        entity_id String,
        event_id String,
        event_time DateTime64(3, 'UTC') COMMENT 'when it happened, never later than its arrival',
        arrival_time DateTime64(3, 'UTC') COMMENT 'when the stream stored it: from then on it was known',
        is_event Bool COMMENT 'whether windows aggregate it; else it only says what is so',
        numbers Map(LowCardinality(String), Float64) COMMENT 'fields that are numbers, and booleans as 0 and 1',
        texts Map(LowCardinality(String), String) COMMENT 'fields that are strings',
        nulls Array(LowCardinality(String)) COMMENT 'names of the fields that are null',
        INDEX by_log_seq log_seq TYPE minmax GRANULARITY 1
      )
      ENGINE = MergeTree
      PARTITION BY toYYYYMM(arrival_time)
      ORDER BY (entity_type, entity_id, event_time)
      SETTINGS non_replicated_deduplication_window = 10000`,
    ],
  },
  {
    id: 4,
    name: "booleans among feature values",
    statements: [
      `ALTER TABLE {database}.feature_values
        ADD COLUMN IF NOT EXISTS booleans Array(LowCardinality(String)) COMMENT 'names of the numbers that are booleans: a filter on true is none on 1'`,
    ],
  },
  {
    id: 8,
    name: "traffic and request errors",
    statements: [...trafficStatements(), ...requestErrorStatements()],
  },
];
