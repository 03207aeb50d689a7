/**
 * An insert of rows as one block, which the settings keep from being split: into one partition it is all or nothing.
 */
import { Readable } from "node:stream";
import type { ClickHouse } from "./clickhouse.ts";

/** Settings that keep an insert of up to 1,000,000 rows from being split. */
export const ONE_BLOCK = {
  max_insert_block_size: "1048576",
  min_insert_block_size_rows: "1048576",
  min_insert_block_size_bytes: "1073741824",
  async_insert: 0 as const,
  insert_deduplicate: 1 as const,
  deduplicate_blocks_in_dependent_materialized_views: 1 as const, // views get it once, too
};

export interface Block {
  /** `database.table`. */
  readonly table: string;
  /** In the order of the rows' RowBinary. */
  readonly columns: readonly string[];
  /** RowBinary of at most 1,000,000 rows, which ClickHouse takes as one block. */
  readonly rows: Uint8Array;
  /** Of a repeat: the same token again inserts nothing. */
  readonly token: string;
}

/** @throws the client's error. */
export async function insertBlock(
  client: Pick<ClickHouse, "exec">,
  { table, columns, rows, token }: Block,
): Promise<void> {
  const result = await client.exec({
    query: `INSERT INTO ${table} (${columns.join(", ")}) FORMAT RowBinary`,
    values: Readable.from([rows], { objectMode: false }),
    clickhouse_settings: { ...ONE_BLOCK, insert_deduplication_token: token },
  });
  result.stream.resume();
}

/** The same of rows as objects, by the columns' names. @throws the client's error. */
export async function insertObjects(
  client: Pick<ClickHouse, "insert">,
  table: string,
  rows: readonly object[],
  token: string,
): Promise<void> {
  await client.insert({
    table,
    values: [...rows],
    format: "JSONEachRow",
    clickhouse_settings: { ...ONE_BLOCK, insert_deduplication_token: token },
  });
}
