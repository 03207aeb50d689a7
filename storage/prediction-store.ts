/**
 * The `predictions` table as its sink uses it. A prediction of a stream may come again, under the same id.
 */
import { LOG_COLUMNS } from "../engine/core/log-block.ts";
import type { ClickHouse } from "./clickhouse.ts";
import { RowStore } from "./row-store.ts";

export class PredictionStore extends RowStore {
  constructor(client: ClickHouse, database: string) {
    super({
      client,
      table: `${database}.predictions`,
      columns: LOG_COLUMNS,
      id: "prediction_id",
      idsWhere: "source = 'stream'",
    });
  }
}
