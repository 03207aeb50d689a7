/**
 * The `labels` table as its sink uses it. Any label may come again.
 */
import { LABEL_COLUMNS } from "../engine/core/label-row.ts";
import type { ClickHouse } from "./clickhouse.ts";
import { RowStore } from "./row-store.ts";

export class LabelStore extends RowStore {
  constructor(client: ClickHouse, database: string) {
    super({
      client,
      table: `${database}.labels`,
      columns: LABEL_COLUMNS,
      id: "repeat_id",
      idsWhere: "true",
    });
  }
}
