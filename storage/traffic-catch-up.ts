/**
 * Counts the rows of `predictions` that the traffic tables do not hold: all rows from before the tables were made, and those
 * whose insert was cut short between the table's part and a view's.
 *
 * A view's part is written after the table's, in the order of the log, and each is there as a whole or not at all. So what
 * a traffic table lacks of an epoch is what stands behind its highest sequence, and counting just that is exact. It
 * must not run beside an insert whose views are still due: the caller's one sink sees to that. Bound: one insert
 * counts MESSAGES_MAX messages of the log.
 */
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { ONE_BLOCK } from "./insert-block.ts";
import { TRAFFIC_TABLES, type TrafficUnit, trafficSelect } from "./traffic-tables.ts";

const MESSAGES_MAX = 5_000;

interface Position {
  readonly epoch: string;
  readonly seq: string;
}

export class TrafficCatchUp {
  readonly #client: ClickHouse;
  readonly #database: string;

  constructor(client: ClickHouse, database: string) {
    this.#client = client;
    this.#database = database;
  }

  /**
   * Counts what is missing, in steps that a next call goes on behind.
   * @returns how many inserts it took.
   */
  async run(): Promise<number> {
    const { predictions, minute, hour } = await this.#positions();
    let inserts = 0;
    for (const { epoch, seq } of predictions) {
      inserts += await this.#count("minute", epoch, seqIn(minute, epoch), Number(seq));
      inserts += await this.#count("hour", epoch, seqIn(hour, epoch), Number(seq));
    }
    return inserts;
  }

  /** Up to which message of each epoch rows are stored, and counted. */
  async #positions(): Promise<Record<"predictions" | TrafficUnit, readonly Position[]>> {
    const positions = async (table: string, column: string): Promise<Position[]> =>
      selectRows(
        this.#client,
        `SELECT toString(log_epoch) AS epoch, toString(max(${column})) AS seq
        FROM ${this.#database}.${table} GROUP BY log_epoch ORDER BY log_epoch`,
      );
    return {
      predictions: await positions("predictions", "log_seq"),
      minute: await positions(TRAFFIC_TABLES.minute.table, "last_seq"),
      hour: await positions(TRAFFIC_TABLES.hour.table, "last_seq"),
    };
  }

  async #count(unit: TrafficUnit, epoch: string, counted: number, stored: number): Promise<number> {
    let inserts = 0;
    let from = counted;
    while (from < stored) {
      const start = await this.#nextSeq(epoch, from);
      const end = start + MESSAGES_MAX - 1;
      const where = "log_epoch = {epoch:UInt64} AND log_seq BETWEEN {start:UInt64} AND {end:UInt64}";
      const select = trafficSelect(unit, where).replaceAll("{database}", this.#database);
      await this.#client.command({
        query: `INSERT INTO ${this.#database}.${TRAFFIC_TABLES[unit].table} ${select}`,
        query_params: { epoch, start, end },
        clickhouse_settings: { ...ONE_BLOCK, insert_deduplicate: 0, max_threads: 1, max_insert_threads: "1" },
      });
      inserts++;
      from = end;
    }
    return inserts;
  }

  /** A log that was trimmed, or messages without rows, leave gaps: they are not counted step by step. */
  async #nextSeq(epoch: string, after: number): Promise<number> {
    const rows = await selectRows<{ seq: string }>(
      this.#client,
      `SELECT toString(min(log_seq)) AS seq FROM ${this.#database}.predictions
      WHERE log_epoch = {epoch:UInt64} AND log_seq > {after:UInt64}`,
      { epoch, after },
    );
    return Number(rows[0]?.seq);
  }
}

function seqIn(positions: readonly Position[], epoch: string): number {
  return Number(positions.find((position) => position.epoch === epoch)?.seq ?? 0);
}
