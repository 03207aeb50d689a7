/**
 * The tables of the analytics database, as a list of steps that only ever grows.
 *
 * A step that has run anywhere is never changed: mend it with a later one. Every statement may be run again without
 * harm, so that a crash between a step and its record does none.
 */
import { auditStatements } from "./audit-table.ts";
import { createLabelledPredictions } from "./labelled-predictions.ts";
import { requestErrorStatements } from "./request-error-table.ts";
import { grpcSourceStatements, webSocketSourceStatements } from "./source-columns.ts";
import { trafficStatements } from "./traffic-tables.ts";
import { trainingStatements } from "./training-tables.ts";

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
    id: 5,
    name: "labels",
    statements: [
      `CREATE TABLE IF NOT EXISTS {database}.labels (
        log_epoch UInt64 COMMENT 'creation time of the labels stream the label came through, ms',
        log_seq UInt64 COMMENT 'sequence of its message: of labels of one prediction, the last one counts',
        model_name LowCardinality(String),
        label_id String COMMENT 'given by the sender, or empty',
        repeat_id FixedString(16) COMMENT 'tells a label that came again',
        prediction_id UUID COMMENT 'what is labelled, or zeros',
        request_id String COMMENT 'what is labelled, or empty',
        entity_id String COMMENT 'what is labelled, with event_time; or empty',
        event_time DateTime64(3, 'UTC') COMMENT 'of an entity: its latest prediction at or before this; else 1970',
        label_value Float64 COMMENT 'a number; booleans as 0 and 1; NaN for a class',
        label_class String COMMENT 'a class; booleans as true and false; empty for a number',
        label_time DateTime64(3, 'UTC') COMMENT 'since when it is true; its arrival if the sender did not say',
        arrival_time DateTime64(3, 'UTC') COMMENT 'when the stream stored it: from then on it was known',
        INDEX by_log_seq log_seq TYPE minmax GRANULARITY 1,
        INDEX by_arrival_time arrival_time TYPE minmax GRANULARITY 1,
        INDEX by_event_time event_time TYPE minmax GRANULARITY 1
      )
      ENGINE = MergeTree
      PARTITION BY toYYYYMM(arrival_time)
      ORDER BY (model_name, prediction_id, request_id, entity_id, event_time)
      SETTINGS non_replicated_deduplication_window = 10000`,
      createLabelledPredictions("{database}"),
    ],
  },
  {
    id: 6,
    name: "drift",
    statements: [
      `CREATE TABLE IF NOT EXISTS {database}.feature_counts (
        model_name LowCardinality(String),
        model_version LowCardinality(String),
        variant LowCardinality(String) COMMENT 'of an experiment, or empty',
        reference_id LowCardinality(String) COMMENT 'whose bins these are: reference_bins has their limits',
        role Enum8('input' = 1, 'output' = 2),
        feature LowCardinality(String),
        pane_seconds UInt32 COMMENT '60, 3600 or 86400: every row is counted once in each; a window is a sum of panes of any of them',
        pane DateTime('UTC') COMMENT 'start of the pane, by prediction_date',
        bin UInt16 COMMENT 'the last one of a feature is that of null',
        log_epoch UInt64 COMMENT 'of the predictions counted',
        log_seq SimpleAggregateFunction(max, UInt64) COMMENT 'log message up to which predictions are counted',
        count SimpleAggregateFunction(sum, UInt64) COMMENT 'sum it: rows of a pane are merged in time'
      )
      ENGINE = AggregatingMergeTree
      ORDER BY (model_name, model_version, reference_id, pane_seconds, pane, variant, role, feature, bin, log_epoch)
      TTL pane + INTERVAL 40 DAY DELETE WHERE pane_seconds = 60, pane + INTERVAL 400 DAY DELETE WHERE pane_seconds = 3600
      SETTINGS non_replicated_deduplication_window = 10000`,
      `CREATE TABLE IF NOT EXISTS {database}.drift_reports (
        model_name LowCardinality(String),
        model_version LowCardinality(String),
        variant LowCardinality(String),
        reference_id LowCardinality(String),
        window_start DateTime('UTC'),
        window_end DateTime('UTC'),
        role Enum8('window' = 0, 'input' = 1, 'output' = 2) COMMENT 'window: the row of the window as a whole, whose feature is *',
        feature LowCardinality(String),
        rows UInt64,
        reference_rows UInt64,
        psi Nullable(Float64) COMMENT 'population stability index over the bins of the reference',
        psi_corrected Nullable(Float64) COMMENT 'without what chance alone adds',
        p_value Nullable(Float64) COMMENT 'of psi, if nothing had changed',
        p_adjusted Nullable(Float64) COMMENT 'after Benjamini-Hochberg over the features that were tested',
        ks_low Nullable(Float64) COMMENT 'Kolmogorov-Smirnov distance: at least this,',
        ks_high Nullable(Float64) COMMENT 'and at most this',
        jensen_shannon Nullable(Float64) COMMENT 'distance, base 2',
        kl Nullable(Float64) COMMENT 'Kullback-Leibler divergence of the window from the reference, nats',
        wasserstein Nullable(Float64) COMMENT 'estimate from bins, in standard deviations of the reference',
        chi_square Nullable(Float64),
        chi_square_p_value Nullable(Float64),
        null_rate Nullable(Float64),
        reference_null_rate Nullable(Float64),
        unseen_rate Nullable(Float64) COMMENT 'share of categories that the reference does not list',
        out_of_range_rate Nullable(Float64) COMMENT 'share of numbers outside of what the reference has',
        verdict LowCardinality(String) COMMENT 'none, drift, data_quality or insufficient',
        is_critical Bool,
        problems Array(LowCardinality(String)),
        state String COMMENT 'of role window: incidents as they were after it, JSON',
        created_date DateTime64(3, 'UTC')
      )
      ENGINE = MergeTree
      PARTITION BY toYYYYMM(window_end)
      ORDER BY (model_name, model_version, variant, window_end, role, feature)
      SETTINGS non_replicated_deduplication_window = 10000`,
    ],
  },
  {
    id: 7,
    name: "alerts",
    statements: [
      `CREATE TABLE IF NOT EXISTS {database}.alerts (
        alert_id UUID,
        change_number UInt32 COMMENT 'grows with each change of the alert',
        change Enum8('raised' = 1, 'escalated' = 2, 'unsilenced' = 3, 'acknowledged' = 4, 'resolved' = 5, 'delivered' = 6, 'undelivered' = 7),
        changed_date DateTime64(3, 'UTC'),
        state Enum8('raised' = 1, 'acknowledged' = 2, 'resolved' = 3) COMMENT 'after the change, as all that follows',
        severity Enum8('info' = 1, 'warning' = 2, 'critical' = 3) COMMENT 'the greatest so far',
        rule LowCardinality(String),
        description String,
        model_name LowCardinality(String) COMMENT 'of the worst series, if the alert is of several',
        model_version LowCardinality(String),
        variant LowCardinality(String) COMMENT 'of an experiment, or empty',
        columns Array(String) COMMENT 'that the alert is about, if its metric is taken per column',
        metric LowCardinality(String),
        operator LowCardinality(String),
        threshold Float64,
        value Float64 COMMENT 'of the metric in the latest window',
        window_start DateTime64(3, 'UTC'),
        window_end DateTime64(3, 'UTC'),
        first_window_start DateTime64(3, 'UTC') COMMENT 'start of the first window that counted',
        raised_date DateTime64(3, 'UTC'),
        about String,
        changed_by String COMMENT 'who acknowledged or resolved it by hand',
        silence_id String COMMENT 'of the silence that holds it back, or empty',
        channel LowCardinality(String) COMMENT 'of delivered and undelivered',
        detail String COMMENT 'why'
      )
      ENGINE = ReplacingMergeTree
      PARTITION BY toYYYYMM(raised_date)
      ORDER BY (alert_id, change_number)
      SETTINGS non_replicated_deduplication_window = 10000`,
      `CREATE OR REPLACE VIEW {database}.alerts_current AS
        SELECT * FROM {database}.alerts WHERE change NOT IN ('delivered', 'undelivered')
        ORDER BY change_number DESC LIMIT 1 BY alert_id`,
    ],
  },
  {
    id: 8,
    name: "traffic and request errors",
    statements: [...trafficStatements(), ...requestErrorStatements()],
  },
  {
    id: 9,
    name: "performance",
    statements: [
      `CREATE TABLE IF NOT EXISTS {database}.performance_reports (
        model_name LowCardinality(String),
        model_version LowCardinality(String),
        variant LowCardinality(String) COMMENT 'of an experiment, or empty',
        kind Enum8('window' = 0, 'realised' = 1, 'estimated' = 2) COMMENT 'realised: from labels; estimated: without them (CBPE); window: one row for the window as a whole, without a metric',
        window_start DateTime('UTC'),
        window_end DateTime('UTC'),
        slice_by LowCardinality(String) COMMENT 'the column whose values are measured one by one, or empty',
        slice String COMMENT 'such as country=DE; empty for all rows',
        metric LowCardinality(String),
        computation UInt32 COMMENT 'running number within the version: a window is computed again when its labels change, and the highest number counts',
        value Nullable(Float64) COMMENT 'null where reason says why',
        low Nullable(Float64) COMMENT 'confidence interval of the value, 95 %; of an estimate three sampling errors either way',
        high Nullable(Float64),
        reason String,
        rows UInt64 COMMENT 'predictions of the window and variant',
        labelled_rows UInt64 COMMENT 'of those, with a label',
        measured_rows UInt64 COMMENT 'of the slice, that the value was computed from: fewer where there were so many that they were sampled',
        is_mature Bool COMMENT 'whether as many predictions are labelled as is usual, or the window is old',
        reference_id LowCardinality(String) COMMENT 'of the version, or empty',
        reference_value Nullable(Float64),
        reference_gain Nullable(Float64) COMMENT 'over the reference: positive is better, also where lower values are',
        reference_gain_low Nullable(Float64),
        reference_gain_high Nullable(Float64),
        reference_verdict LowCardinality(String) COMMENT 'better, worse, no_difference, or empty',
        champion_version LowCardinality(String) COMMENT 'the version in production if it is another one, or empty',
        champion_value Nullable(Float64) COMMENT 'in the same window',
        champion_gain Nullable(Float64),
        champion_gain_low Nullable(Float64),
        champion_gain_high Nullable(Float64),
        champion_verdict LowCardinality(String),
        champion_pairs UInt64 COMMENT 'requests that both answered, which the comparison is of; 0: each has its own rows',
        labels_epoch UInt64 COMMENT 'labels up to this position of their stream were taken',
        labels_seq UInt64,
        state String COMMENT 'of kind window: how far all windows had come, JSON',
        computed_date DateTime64(3, 'UTC')
      )
      ENGINE = MergeTree
      ORDER BY (model_name, model_version, kind, window_end, variant, slice_by, slice, metric, computation)
      SETTINGS non_replicated_deduplication_window = 10000
      COMMENT 'Performance of model versions by window, with the former computations of each window'`,
      `CREATE OR REPLACE VIEW {database}.performance AS
        SELECT * EXCEPT (computation, state) FROM {database}.performance_reports
        WHERE kind != 'window' AND (model_name, model_version, window_start, window_end, computation) IN (
          SELECT model_name, model_version, window_start, window_end, max(computation) FROM {database}.performance_reports
          WHERE kind = 'window' GROUP BY model_name, model_version, window_start, window_end)
        COMMENT 'Performance of model versions by window, as it was computed last: a row for each variant, slice and metric'`,
    ],
  },
  {
    id: 10,
    name: "reference bins",
    statements: [
      `CREATE TABLE IF NOT EXISTS {database}.reference_bins (
        reference_id FixedString(64) COMMENT 'digest of the profile, as GET /models/{name}/versions/{version}/reference says it',
        model_name LowCardinality(String),
        model_version LowCardinality(String),
        feature LowCardinality(String) COMMENT 'an input of the model, predicted_value or predicted_class',
        role Enum8('input' = 1, 'output' = 2),
        bin UInt16 COMMENT 'place among the feature''s bins, from 0; that of null is the last',
        low Float32 COMMENT 'values of the bin are above this, and at most high; -inf in the first bin, NaN where the bin is not of numbers',
        high Float32 COMMENT 'inf in the last bin of values',
        category String COMMENT 'value of the bin; empty for the bin of all values that have none, and for numbers',
        is_null Bool COMMENT 'whether it counts rows without a value',
        count UInt64 COMMENT 'rows of the reference'
      )
      ENGINE = MergeTree
      ORDER BY (model_name, model_version, reference_id, feature, bin)
      SETTINGS non_replicated_deduplication_window = 10000
      COMMENT 'Bins of the references of model versions, those of former references too'`,
    ],
  },
  {
    id: 11,
    name: "alarms of streaming detectors",
    statements: [
      `ALTER TABLE {database}.drift_reports
        ADD COLUMN IF NOT EXISTS detector_rows UInt64 COMMENT 'of role window: predictions whose scores streaming detectors have read, since the window before',
        ADD COLUMN IF NOT EXISTS detector_rows_left_out UInt64 COMMENT 'further predictions of the window that they have not read: more than 1,000,000',
        ADD COLUMN IF NOT EXISTS detector_alarms Array(Tuple(detector LowCardinality(String), drift_at DateTime64(3, 'UTC'))) COMMENT 'detector, and when the prediction was made at which it found drift; the first 100 of the window'`,
    ],
  },
  {
    id: 13,
    name: "errors under streaming detectors",
    statements: [
      `ALTER TABLE {database}.performance_reports
        MODIFY COLUMN kind Enum8('window' = 0, 'realised' = 1, 'estimated' = 2, 'errors' = 3) COMMENT 'realised: from labels; estimated: without them (CBPE); window: one row for the window as a whole, without a metric; errors: what streaming detectors found among the errors of a variant',
        MODIFY COLUMN state String COMMENT 'of kind window: how far all windows had come; of kind errors: the detectors; JSON',
        ADD COLUMN IF NOT EXISTS detector_rows UInt64 COMMENT 'of kind errors: labelled predictions whose errors streaming detectors have read, in the order of their making',
        ADD COLUMN IF NOT EXISTS detector_rows_left_out UInt64 COMMENT 'further ones of the window that they have not read: more than 1,000,000',
        ADD COLUMN IF NOT EXISTS detector_alarms Array(Tuple(detector LowCardinality(String), drift_at DateTime64(3, 'UTC'))) COMMENT 'detector, and when the prediction was made at which it found drift; the first 100 of the window'`,
      `CREATE OR REPLACE VIEW {database}.performance AS
        SELECT * EXCEPT (computation, state, detector_rows, detector_rows_left_out, detector_alarms) FROM {database}.performance_reports
        WHERE kind IN ('realised', 'estimated') AND (model_name, model_version, window_start, window_end, computation) IN (
          SELECT model_name, model_version, window_start, window_end, max(computation) FROM {database}.performance_reports
          WHERE kind = 'window' GROUP BY model_name, model_version, window_start, window_end)
        COMMENT 'Performance of model versions by window, as it was computed last: a row for each variant, slice and metric'`,
    ],
  },
  {
    id: 14,
    name: "audit log",
    statements: auditStatements(),
  },
  {
    id: 16,
    name: "training jobs",
    statements: trainingStatements(),
  },
  {
    id: 17,
    name: "requests over WebSocket",
    statements: webSocketSourceStatements(),
  },
  {
    id: 18,
    name: "requests over gRPC",
    statements: grpcSourceStatements(),
  },
];
