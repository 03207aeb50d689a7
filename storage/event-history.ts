/**
 * The history of feature events in ClickHouse: `feature_values`, read as it lies in the table, entity by entity.
 *
 * The table's order begins with type and entity, so ClickHouse sorts one entity's rows at a time, and neither side holds
 * more than some blocks.
 */

import { EngineError, messageOf } from "../engine/core/errors.ts";
import type { EventHistory, HistoryEvent, HistoryRange } from "../engine/core/event-history.ts";
import { FeatureRowReader, HISTORY_COLUMNS } from "../engine/core/feature-row-reader.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { RowStore } from "./row-store.ts";
import { FEATURE_VALUES } from "./sink-tables.ts";

/** What happened later than it arrived there is not, so old partitions are not even opened. */
const IN_RANGE = `entity_type = {entityType:String}
  AND (log_epoch < {epoch:UInt64} OR (log_epoch = {epoch:UInt64} AND log_seq <= {seq:UInt64}))
  AND event_time >= fromUnixTimestamp64Milli({sinceMs:Int64})
  AND arrival_time >= fromUnixTimestamp64Milli({sinceMs:Int64})`;

export class ClickHouseEventHistory implements EventHistory {
  readonly #client: ClickHouse;
  readonly #table: string;
  readonly #values: RowStore;

  constructor(client: ClickHouse, database: string) {
    this.#client = client;
    this.#table = `${database}.feature_values`;
    this.#values = new RowStore(client, database, FEATURE_VALUES);
  }

  lastSeq(epoch: number): Promise<number> {
    return this.#values.lastSeq(epoch);
  }

  async count(range: HistoryRange): Promise<number> {
    const query = `SELECT toString(count()) AS rows FROM ${this.#table} WHERE ${IN_RANGE}`;
    const [found] = await selectRows<{ rows: string }>(this.#client, query, { ...range });
    return Number(found?.rows ?? 0);
  }

  async *events(range: HistoryRange): AsyncGenerator<readonly HistoryEvent[]> {
    const query = `SELECT ${HISTORY_COLUMNS.join(", ")} FROM ${this.#table} WHERE ${IN_RANGE}
      ORDER BY entity_type, entity_id, log_epoch, log_seq FORMAT RowBinary`;
    const rows = new FeatureRowReader();
    for await (const chunk of this.#chunks(query, { ...range })) yield rows.read(chunk);
    if (rows.restBytes > 0) throw new EngineError("SERVICE_UNAVAILABLE", "ClickHouse: the answer is cut off");
  }

  async recentIds(epoch: number, seq: number, limit: number): Promise<Buffer> {
    const query = `SELECT ${FEATURE_VALUES.id} AS id FROM ${this.#table}
      WHERE log_epoch < {epoch:UInt64} OR (log_epoch = {epoch:UInt64} AND log_seq <= {seq:UInt64})
      ORDER BY log_epoch DESC, log_seq DESC LIMIT {limit:UInt32} FORMAT RowBinary`;
    const chunks: Buffer[] = [];
    for await (const chunk of this.#chunks(query, { epoch, seq, limit })) chunks.push(chunk);
    const newestFirst = Buffer.concat(chunks);
    const ids = Buffer.allocUnsafe(newestFirst.length);
    for (let at = 0; at + 16 <= ids.length; at += 16)
      newestFirst.copy(ids, ids.length - at - 16, at, at + 16);
    return ids;
  }

  async *#chunks(query: string, params: Record<string, unknown>): AsyncGenerator<Buffer> {
    try {
      const { stream } = await this.#client.exec({ query, query_params: params });
      for await (const chunk of stream) yield chunk as Buffer;
    } catch (error) {
      throw new EngineError("SERVICE_UNAVAILABLE", `ClickHouse: ${messageOf(error)}`, { cause: error });
    }
  }
}
