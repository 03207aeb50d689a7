/**
 * The table `reference_bins`: the bins of each reference, written once.
 *
 * All bins of a reference are one insert, all or nothing; a repeat of one that nobody knows the end of has its token.
 */
import { modelKey } from "../engine/core/manifest.ts";
import { RowBinaryWriter } from "../engine/core/row-binary.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { insertBlock } from "./insert-block.ts";
import type { Key } from "./version-store.ts";

export interface ReferenceBin {
  readonly feature: string;
  readonly role: "input" | "output";
  /** Its place among the column's counts, from 0; that of null is the last. */
  readonly bin: number;
  /** Above `low`, at most `high`; infinite at the ends, NaN where the bin is not of numbers. */
  readonly low: number;
  readonly high: number;
  /** The listed value; "" for the bin of all others, of numbers and of null. */
  readonly category: string;
  readonly isNull: boolean;
  readonly count: number;
}

const COLUMNS = [
  "reference_id",
  "model_name",
  "model_version",
  "feature",
  "role",
  "bin",
  "low",
  "high",
  "category",
  "is_null",
  "count",
] as const;
const ROLES = { input: 1, output: 2 } as const;
/** Beside its texts: the id, numbers, and the role. */
const FIXED_BYTES = 96;
const WRITER_BYTES = 64 * 1024;

/** @throws EngineError SERVICE_UNAVAILABLE */
export async function hasReferenceBins(
  client: Pick<ClickHouse, "query">,
  database: string,
  { name, version }: Key,
  referenceId: string,
): Promise<boolean> {
  const rows = await selectRows<{ found: number }>(
    client,
    `SELECT 1 AS found FROM ${database}.reference_bins WHERE model_name = {name:String}
     AND model_version = {version:String} AND reference_id = {id:String} LIMIT 1`,
    { name, version, id: referenceId },
  );
  return rows.length > 0;
}

/** @param bins at most 1,000,000. @throws the client's error. */
export async function insertReferenceBins(
  client: Pick<ClickHouse, "exec">,
  database: string,
  key: Key,
  referenceId: string,
  bins: readonly ReferenceBin[],
): Promise<void> {
  const writer = new RowBinaryWriter(WRITER_BYTES);
  const id = Buffer.from(referenceId, "latin1");
  for (const bin of bins) writeBin(writer, key, id, bin);
  await insertBlock(client, {
    table: `${database}.reference_bins`,
    columns: COLUMNS,
    rows: writer.written(),
    token: `${referenceId} ${modelKey(key)}`,
  });
}

function writeBin(writer: RowBinaryWriter, { name, version }: Key, id: Buffer, row: ReferenceBin): void {
  writer.reserve(FIXED_BYTES);
  writer.raw(id);
  writer.string(name);
  writer.string(version);
  writer.string(row.feature);
  writer.reserve(FIXED_BYTES);
  writer.uint8(ROLES[row.role]);
  writer.uint16(row.bin);
  writer.float32(row.low);
  writer.float32(row.high);
  writer.string(row.category);
  writer.reserve(FIXED_BYTES);
  writer.uint8(row.isNull ? 1 : 0);
  writer.uint64(row.count);
}
