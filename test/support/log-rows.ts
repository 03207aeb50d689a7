/** Rows of `predictions` in RowBinary, in the order of LOG_COLUMNS, as the sink hands them over. */
import { RowBinaryWriter } from "../../engine/core/row-binary.ts";

export interface LogRow {
  readonly model?: string;
  readonly variant?: string;
  readonly requestId?: string;
  readonly entityId?: string;
  readonly loggedMs?: number;
  readonly dateMs?: number;
  readonly value?: number;
  readonly class?: string;
  readonly probabilities?: readonly number[];
  readonly numbers?: readonly number[];
  readonly texts?: readonly string[];
  /** Type, id and sequence. */
  readonly entities?: readonly (readonly [string, string, number])[];
  readonly status?: readonly (readonly [string, string])[];
}

export function logRowsOf(rows: readonly LogRow[]): Buffer {
  const writer = new RowBinaryWriter(1_024);
  for (const row of rows) {
    writer.reserve(100_000);
    writeRow(writer, row);
  }
  return writer.written();
}

function writeRow(writer: RowBinaryWriter, row: LogRow): void {
  writer.uint64(1);
  writer.uint64(2);
  writer.uint64(row.loggedMs ?? 0);
  writer.uint8(1);
  writer.raw(Buffer.alloc(16));
  writer.string(row.requestId ?? "");
  writer.string(row.model ?? "counted");
  writer.string("1.0.0");
  writer.string(row.variant ?? "");
  writer.string(row.entityId ?? "");
  writer.float32(row.value ?? 0);
  writer.string(row.class ?? "");
  for (const numbers of [row.probabilities ?? [], row.numbers ?? []]) {
    writer.varint(numbers.length);
    for (const number of numbers) writer.float32(number);
  }
  writer.varint(row.texts?.length ?? 0);
  for (const text of row.texts ?? []) writer.string(text);
  for (let latency = 0; latency < 3; latency++) writer.float32(1);
  writer.uint16(1);
  writer.uint64(row.dateMs ?? 0);
  writer.uint64(0);
  writer.varint(row.entities?.length ?? 0);
  for (const [type, id, seq] of row.entities ?? []) {
    writer.string(type);
    writer.string(id);
    writer.uint64(seq);
  }
  writer.varint(row.status?.length ?? 0);
  for (const [feature, status] of row.status ?? []) {
    writer.string(feature);
    writer.string(status);
  }
}
