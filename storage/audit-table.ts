/** The `audit_log` table: who changed what of which model, when and why. */

/** Statements of a migration: never changed. */
export function auditStatements(): readonly string[] {
  return [
    `CREATE TABLE IF NOT EXISTS {database}.audit_log (
      log_epoch UInt64 COMMENT 'creation time of the audit stream the entry came through, ms',
      log_seq UInt64 COMMENT 'sequence of the entry in it',
      arrival_time DateTime64(3, 'UTC') COMMENT 'when the stream stored the entry',
      audit_id UUID,
      changed_date DateTime64(3, 'UTC') COMMENT 'when the registry was changed',
      action LowCardinality(String) COMMENT 'registered, promoted, rolled_back, archived, deprecated, canary_started, canary_advanced or canary_rolled_back',
      model_name LowCardinality(String),
      model_version LowCardinality(String),
      alias LowCardinality(String) COMMENT 'that was moved, or empty',
      replaced_version LowCardinality(String) COMMENT 'that the alias pointed to before, or empty',
      state_before LowCardinality(String) COMMENT 'of the version: REGISTERED, STAGING, CANARY, PRODUCTION, ARCHIVED or DEPRECATED',
      state_after LowCardinality(String),
      requested_by String COMMENT 'as who asked for it called himself; nobody checks it',
      reason String,
      details String COMMENT 'numbers that it was decided by, JSON'
    )
    ENGINE = MergeTree
    PARTITION BY toYYYYMM(arrival_time)
    ORDER BY (model_name, changed_date)
    SETTINGS non_replicated_deduplication_window = 10000
    COMMENT 'Changes of model versions: each once'`,
  ];
}
