/**
 * The tables that take a stream's rows as they come, whoever asks: any of their rows may come again, under the same id.
 */
import { AUDIT_COLUMNS } from "../engine/core/audit-entry.ts";
import { FEATURE_COLUMNS } from "../engine/core/feature-row.ts";
import { LABEL_COLUMNS } from "../engine/core/label-row.ts";
import { REQUEST_ERROR_COLUMNS } from "../engine/core/request-error-report.ts";
import type { RowTable } from "./row-store.ts";

export const AUDIT_LOG: RowTable = { name: "audit_log", columns: AUDIT_COLUMNS, id: "audit_id" };

export const FEATURE_VALUES: RowTable = {
  name: "feature_values",
  columns: FEATURE_COLUMNS,
  /** That of core/feature-row. */
  id: "toFixedString(substring(SHA256(concat(entity_type, '\n', event_id)), 1, 16), 16)",
};

export const LABELS: RowTable = { name: "labels", columns: LABEL_COLUMNS, id: "repeat_id" };

export const REQUEST_ERRORS: RowTable = {
  name: "request_errors",
  columns: REQUEST_ERROR_COLUMNS,
  id: "report_id",
};
