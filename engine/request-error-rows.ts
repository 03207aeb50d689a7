/**
 * What the sink stores of a message of the errors stream: a row of `request_errors` per count. A report that was stored
 * before, told by its id, is left out.
 */
import {
  parseRequestErrorReport,
  type RequestErrorReport,
  writeRequestErrors,
} from "./core/request-error-report.ts";
import type { RowBinaryWriter } from "./core/row-binary.ts";
import { uuidKey } from "./core/uuid.ts";
import type { RecentIds } from "./recent-ids.ts";
import type { MessageRows, SinkMessage } from "./sink-batch.ts";

/** @throws EngineError INVALID_REQUEST when the report is damaged. */
export function readRequestErrorRows(message: SinkMessage): MessageRows {
  return new RequestErrorRows(message, parseRequestErrorReport(message.data));
}

class RequestErrorRows implements MessageRows {
  readonly rows: number;
  readonly bytes: number;
  readonly atMs: number;
  readonly #seq: number;
  readonly #report: RequestErrorReport;

  constructor({ seq, data, atMs }: SinkMessage, report: RequestErrorReport) {
    this.rows = report.counts.length;
    this.bytes = data.length;
    this.atMs = atMs;
    this.#seq = seq;
    this.#report = report;
  }

  writeTo(writer: RowBinaryWriter, epoch: number, recent: RecentIds): number {
    if (!recent.add(uuidKey(this.#report.report_id), 0)) return this.rows;
    writeRequestErrors(writer, { epoch, seq: this.#seq, atMs: this.atMs }, this.#report);
    return 0;
  }
}
