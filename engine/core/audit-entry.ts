/**
 * One change of a model's registry as everybody hears of it: an event, a message of the audit stream, and its row in
 * `audit_log`.
 */
import { z } from "zod";
import { MODEL_NAME, MODEL_VERSION } from "./names.ts";
import type { RowBinaryWriter } from "./row-binary.ts";
import { parseStreamRecord, type RecordOrigin, writeOrigin } from "./stream-record.ts";
import { VERSION_STATES } from "./version-state.ts";

export const AUDIT_ACTIONS = [
  "registered",
  "promoted",
  "rolled_back",
  "archived",
  "deprecated",
  "withdrawn",
  "canary_started",
  "canary_advanced",
  "canary_rolled_back",
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** Columns of `audit_log` in the order of a row. */
export const AUDIT_COLUMNS = [
  "log_epoch",
  "log_seq",
  "arrival_time",
  "audit_id",
  "changed_date",
  "action",
  "model_name",
  "model_version",
  "alias",
  "replaced_version",
  "state_before",
  "state_after",
  "requested_by",
  "reason",
  "details",
] as const;

export const auditEntry = z.strictObject({
  /** Under which a second storing of the same entry is dropped. */
  audit_id: z.uuid(),
  changed_at: z.iso.datetime(),
  action: z.enum(AUDIT_ACTIONS),
  model_name: z.string().regex(MODEL_NAME),
  model_version: z.string().regex(MODEL_VERSION),
  /** That was moved, or empty. */
  alias: z.string(),
  /** That the alias pointed to before, or empty. */
  replaced_version: z.string(),
  state_before: z.enum(VERSION_STATES),
  state_after: z.enum(VERSION_STATES),
  requested_by: z.string(),
  reason: z.string(),
  /** Numbers that it was decided by. */
  details: z.record(z.string(), z.union([z.number(), z.string(), z.null()])),
});
export type AuditEntry = Readonly<z.infer<typeof auditEntry>>;

/** @throws EngineError INVALID_REQUEST naming what is wrong. */
export function parseAuditEntry(data: Uint8Array): AuditEntry {
  return parseStreamRecord(auditEntry, data, "an audit entry");
}

export function writeAuditEntry(writer: RowBinaryWriter, origin: RecordOrigin, entry: AuditEntry): void {
  writeOrigin(writer, origin, entry.audit_id);
  writer.uint64(Date.parse(entry.changed_at));
  writer.string(entry.action);
  writer.string(entry.model_name);
  writer.string(entry.model_version);
  writer.string(entry.alias);
  writer.string(entry.replaced_version);
  writer.string(entry.state_before);
  writer.string(entry.state_after);
  writer.string(entry.requested_by);
  writer.string(entry.reason);
  writer.string(JSON.stringify(entry.details));
}
