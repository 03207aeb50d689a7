/**
 * Rows of `predictions` in RowBinary, as the sink inserts them, with latencies of the test's choosing.
 */
import { type Source, sourceCode } from "../../engine/core/prediction.ts";
import { RowBinaryWriter } from "../../engine/core/row-binary.ts";

export interface PredictionRow {
  readonly epoch: number;
  readonly seq: number;
  /** Of the prediction and of the log, ms since 1970. */
  readonly dateMs: number;
  readonly model?: string;
  readonly version?: string;
  readonly queueMs: number;
  readonly inferenceMs: number;
  readonly source?: Source;
}

const ID = Buffer.alloc(16, 7);

/** The columns of LOG_COLUMNS, in its order. */
export function predictionRows(rows: readonly PredictionRow[]): Buffer {
  const writer = new RowBinaryWriter(4096);
  for (const row of rows) {
    writer.reserve(512);
    writer.uint64(row.epoch);
    writer.uint64(row.seq);
    writer.uint64(row.dateMs);
    writer.uint8(sourceCode(row.source ?? "http"));
    writer.uuid(ID, 0);
    writer.string(`request-${row.seq}`);
    writer.string(row.model ?? "fraud");
    writer.string(row.version ?? "1.0.0");
    writer.string("");
    writer.string("");
    writer.float32(0.5);
    writer.string("legitimate");
    for (let array = 0; array < 3; array++) writer.varint(0);
    writer.float32(row.queueMs + row.inferenceMs);
    writer.float32(row.queueMs);
    writer.float32(row.inferenceMs);
    writer.uint16(1);
    writer.uint64(row.dateMs);
    writer.uint64(0);
    writer.varint(0);
    writer.varint(0);
  }
  return Buffer.from(writer.written());
}
