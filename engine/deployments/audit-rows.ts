/**
 * What the sink stores of a message of the audit stream: one row of `audit_log`. An entry that was stored before, told by its
 * id, is left out.
 */
import { type AuditEntry, parseAuditEntry, writeAuditEntry } from "../core/audit-entry.ts";
import type { RowBinaryWriter } from "../core/row-binary.ts";
import { uuidKey } from "../core/uuid.ts";
import type { MessageRows, Recent, SinkMessage } from "../sink-batch.ts";

/** @throws EngineError INVALID_REQUEST when the entry is damaged. */
export function readAuditRows(message: SinkMessage): MessageRows {
  return new AuditRow(message, parseAuditEntry(message.data));
}

class AuditRow implements MessageRows {
  readonly rows = 1;
  readonly bytes: number;
  readonly atMs: number;
  readonly #seq: number;
  readonly #entry: AuditEntry;

  constructor({ seq, data, atMs }: SinkMessage, entry: AuditEntry) {
    this.bytes = data.length;
    this.atMs = atMs;
    this.#seq = seq;
    this.#entry = entry;
  }

  writeTo(writer: RowBinaryWriter, epoch: number, recent: Recent): number {
    if (!recent.add(uuidKey(this.#entry.audit_id), 0)) return 1;
    writeAuditEntry(writer, { epoch, seq: this.#seq, atMs: this.atMs }, this.#entry);
    return 0;
  }
}
