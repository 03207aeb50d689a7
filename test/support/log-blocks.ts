/**
 * Blocks of the prediction log made through the engine's own writer, and a reader of their rows that shares no code
 * with it: it follows ClickHouse's description of RowBinary.
 */
import { Batch, type Row } from "../../engine/batch.ts";
import { Batcher } from "../../engine/batcher.ts";
import { Metrics } from "../../engine/core/metrics.ts";
import { PredictionLog } from "../../engine/prediction-log.ts";
import { ServedModel } from "../../engine/served-model.ts";
import { mixedManifest } from "./manifests.ts";

export const FEATURES = { size: 1.5, age: 40, color: "blue", new: true };

export interface TestRow extends Row {
  readonly outcome: { answered: number; failed: string[] };
}

export function testRow(change: Partial<Row> = {}): TestRow {
  const outcome = { answered: 0, failed: [] as string[] };
  return {
    source: "http",
    requestId: "",
    entityId: "",
    entities: undefined,
    arrivedMs: performance.now(),
    deadlineMs: Number.POSITIVE_INFINITY,
    idempotencyKey: "",
    answer: () => {
      outcome.answered++;
    },
    fail: ({ code }) => {
      outcome.failed.push(code);
    },
    ...change,
    outcome,
  };
}

/** The block that the engine publishes for these rows, each with the same features and outputs. */
export async function blockOf(rows: readonly Row[]): Promise<Buffer> {
  const batcher = new Batcher(new ServedModel(mixedManifest(), new Metrics()), Math.max(1, rows.length));
  for (const row of rows) {
    const error = batcher.add(row, FEATURES);
    if (error !== undefined) throw error;
  }
  const batch = batcher.take();
  if (!(batch instanceof Batch)) throw new Error("there are no rows");
  for (let index = 0; index < rows.length; index++) batch.outputs.set([0.75, 0.25], index * 2);
  batch.dateMs = Date.UTC(2026, 1, 3, 4, 5, 6, 789);
  const blocks: Buffer[] = [];
  const log = new PredictionLog({
    engineId: "test",
    blockBytesMax: 1 << 20,
    messageBytesMax: 1 << 20,
    publish: async (_, block) => {
      blocks.push(Buffer.from(block));
    },
  });
  await log.append(batch, (_, error) => {
    throw error;
  });
  return Buffer.concat(blocks);
}

/** The same block as if it had been made at `createdMs`. */
export function createdAt(block: Buffer, createdMs: number): Buffer {
  const copy = Buffer.from(block);
  copy.writeBigUInt64LE(BigInt(createdMs), 8);
  return copy;
}

export type Decoded = string | number | bigint | readonly Decoded[];
export type DecodedRow = Record<string, Decoded>;

/** Reads rows in RowBinary, given the types of their columns. */
export function decodeRows(
  bytes: Buffer,
  columns: readonly (readonly [name: string, type: string])[],
): DecodedRow[] {
  let at = 0;
  const take = (length: number): Buffer => {
    if (at + length > bytes.length)
      throw new Error(`row data ends at ${bytes.length}, ${length} more were due`);
    at += length;
    return bytes.subarray(at - length, at);
  };
  const varint = (): number => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = take(1)[0] as number;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  const read = (type: string): Decoded => {
    const parts = /^Tuple\((.*)\)$/.exec(type)?.[1];
    if (parts !== undefined) return parts.split(",").map(read);
    const element = /^Array\((.*)\)$/.exec(type)?.[1];
    if (element !== undefined) return Array.from({ length: varint() }, () => read(element));
    switch (type) {
      case "UInt8":
        return take(1).readUInt8();
      case "UInt16":
        return take(2).readUInt16LE();
      case "UInt64":
        return take(8).readBigUInt64LE();
      case "Float32":
        return take(4).readFloatLE();
      case "String":
        return take(varint()).toString("utf8");
      case "UUID": {
        const [high, low] = [take(8).toReversed(), take(8).toReversed()];
        return Buffer.from([...high, ...low]).toString("hex");
      }
      default:
        throw new Error(`unknown type ${type}`);
    }
  };
  const rows: DecodedRow[] = [];
  while (at < bytes.length) rows.push(Object.fromEntries(columns.map(([name, type]) => [name, read(type)])));
  return rows;
}
