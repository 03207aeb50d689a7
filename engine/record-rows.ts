/**
 * What sinks store of messages that are records with an id: one row of `audit_log`, or a row of `request_errors` per count. A record
 * that was stored before is left out.
 */
import { parseAuditEntry, writeAuditEntry } from "./core/audit-entry.ts";
import { parseRequestErrorReport, writeRequestErrors } from "./core/request-error-report.ts";
import type { RowBinaryWriter } from "./core/row-binary.ts";
import type { RecordOrigin } from "./core/stream-record.ts";
import { uuidKey } from "./core/uuid.ts";
import type { MessageRows, SinkMessage } from "./sink-batch.ts";

/** @throws EngineError INVALID_REQUEST when the entry is damaged. */
export function readAuditRows(message: SinkMessage): MessageRows {
  const entry = parseAuditEntry(message.data);
  return rowsOnce(message, entry.audit_id, 1, (writer, origin) => writeAuditEntry(writer, origin, entry));
}

/** @throws EngineError INVALID_REQUEST when the report is damaged. */
export function readRequestErrorRows(message: SinkMessage): MessageRows {
  const report = parseRequestErrorReport(message.data);
  return rowsOnce(message, report.report_id, report.counts.length, (writer, origin) =>
    writeRequestErrors(writer, origin, report),
  );
}

function rowsOnce(
  { seq, data, atMs }: SinkMessage,
  id: string,
  rows: number,
  write: (writer: RowBinaryWriter, origin: RecordOrigin) => void,
): MessageRows {
  return {
    rows,
    bytes: data.length,
    atMs,
    writeTo: (writer, epoch, recent) => {
      if (!recent.add(uuidKey(id), 0)) return rows;
      write(writer, { epoch, seq, atMs });
      return 0;
    },
  };
}
