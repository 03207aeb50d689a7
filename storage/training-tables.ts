/** The tables of training: `training_jobs` and `trials`, as the migration makes them. */
export function trainingStatements(): string[] {
  return [
    `CREATE TABLE IF NOT EXISTS {database}.training_jobs (
        job_id UUID,
        model_name LowCardinality(String),
        status Enum8('COMPLETED' = 1, 'FAILED' = 2, 'CANCELLED' = 3),
        outcome LowCardinality(String) COMMENT 'deployed, registered or rejected; empty when there is no new model',
        cause LowCardinality(String) COMMENT 'drift, performance, schedule, manual and others',
        model_type LowCardinality(String),
        mode LowCardinality(String),
        requested_by String,
        requested_date DateTime64(3, 'UTC'),
        ended_date DateTime64(3, 'UTC'),
        training_seconds Float64 COMMENT 'from the first start to the end',
        attempt UInt32 COMMENT 'how often it was started',
        parent_version String COMMENT 'that served when it was started, or empty',
        model_version String COMMENT 'that came of it, or empty',
        data_fingerprint String COMMENT 'SHA-256 of the training set, hex',
        trials UInt32 COMMENT 'of the search for hyperparameters',
        spec String COMMENT 'JSON, as the other columns up to error: what was asked for',
        data String COMMENT 'rows, period, warnings',
        metrics String COMMENT 'of the new model on rows that it has not seen',
        gate String COMMENT 'every check of the new model against the former',
        error String COMMENT 'why it failed, or empty'
      )
      ENGINE = MergeTree
      ORDER BY (model_name, requested_date, job_id)
      SETTINGS non_replicated_deduplication_window = 10000
      COMMENT 'Training jobs that have ended, each once'`,
    `CREATE TABLE IF NOT EXISTS {database}.trials (
        job_id UUID,
        model_name LowCardinality(String),
        trial UInt32,
        parameters String COMMENT 'hyperparameters, JSON',
        state Enum8('COMPLETE' = 1, 'PRUNED' = 2, 'FAILED' = 3),
        value Nullable(Float64) COMMENT 'of the search''s metric',
        values_per_fold Array(Float64),
        seconds Float64,
        reason String COMMENT 'why it failed, or empty'
      )
      ENGINE = MergeTree
      ORDER BY (model_name, job_id, trial)
      SETTINGS non_replicated_deduplication_window = 10000
      COMMENT 'Trials of searches for hyperparameters, of training jobs that have ended'`,
  ];
}
