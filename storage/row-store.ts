/**
 * A table as its sink uses it: insert rows, and find out what is there already.
 *
 * An insert is atomic: it is one block of one partition (insert-block). Its token
 * makes a repeat of the same insert harmless; `lastSeq` tells a restarted sink where to go on.
 */
import { ClickHouseError } from "@clickhouse/client";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { isUnreadableRows } from "./clickhouse-error.ts";
import { insertBlock } from "./insert-block.ts";

/** It has the columns log_epoch and log_seq. */
export interface RowTable {
  readonly name: string;
  /** In the order of the rows' RowBinary. */
  readonly columns: readonly string[];
  /** The 16 bytes, FixedString(16) or UUID, that tell a row that comes again. */
  readonly id: string;
  /** Which rows may come again; any, unless told. */
  readonly idsWhere?: string;
}

export class RowStore {
  readonly #client: ClickHouse;
  readonly #table: RowTable;
  /** `database.table` */
  readonly #name: string;

  constructor(client: ClickHouse, database: string, table: RowTable) {
    this.#client = client;
    this.#table = table;
    this.#name = `${database}.${table.name}`;
  }

  /**
   * Inserts rows in RowBinary, all or none. The same token again inserts nothing.
   * @returns why ClickHouse cannot read the rows, or undefined when they are stored.
   */
  async insert(rows: Uint8Array, token: string): Promise<string | undefined> {
    const { columns } = this.#table;
    try {
      await insertBlock(this.#client, { table: this.#name, columns, rows, token });
      return undefined;
    } catch (error) {
      if (!(error instanceof ClickHouseError) || !isUnreadableRows(Number(error.code))) throw error;
      return `ClickHouse ${error.code} ${error.type ?? ""}: ${error.message}`;
    }
  }

  async runningInserts(): Promise<number> {
    return runningInserts(this.#client, this.#name);
  }

  /** Highest sequence stored of the stream that was created at `epoch`, or 0. */
  async lastSeq(epoch: number): Promise<number> {
    const rows = await selectRows<{ last: string }>(
      this.#client,
      `SELECT max(log_seq) AS last FROM ${this.#name} WHERE log_epoch = {epoch:UInt64}`,
      { epoch },
    );
    return Number(rows[0]?.last ?? 0);
  }

  /** Ids of the latest `limit` rows that may come again, oldest first, 16 bytes each as in RowBinary. */
  async recentIds(limit: number): Promise<Buffer> {
    const { id, idsWhere = "true" } = this.#table;
    const query = `
      SELECT id FROM (
        SELECT ${id} AS id, log_epoch, log_seq FROM ${this.#name} WHERE ${idsWhere}
        ORDER BY log_epoch DESC, log_seq DESC LIMIT {limit:UInt32}
      ) ORDER BY log_epoch, log_seq FORMAT RowBinary`;
    const result = await this.#client.exec({ query, query_params: { limit } });
    const chunks: Buffer[] = [];
    for await (const chunk of result.stream) chunks.push(Buffer.from(chunk as Uint8Array));
    return Buffer.concat(chunks);
  }
}

/** Inserts of a process that died may still run; nothing can be said of what is stored until they are over. */
export async function runningInserts(client: ClickHouse, table: string): Promise<number> {
  const query = `SELECT count() AS running FROM system.processes WHERE query_kind = 'Insert' AND position(query, {table:String}) > 0`;
  const rows = await selectRows<{ running: string }>(client, query, { table });
  return Number(rows[0]?.running ?? 0);
}
