/**
 * The `feature_values` table as its sink uses it. Any event may come again; its id is that of core/feature-row.
 */
import { FEATURE_COLUMNS } from "../engine/core/feature-row.ts";
import type { ClickHouse } from "./clickhouse.ts";
import { RowStore } from "./row-store.ts";

export class FeatureValueStore extends RowStore {
  constructor(client: ClickHouse, database: string) {
    super({
      client,
      table: `${database}.feature_values`,
      columns: FEATURE_COLUMNS,
      id: "toFixedString(substring(SHA256(concat(entity_type, '\n', event_id)), 1, 16), 16)",
      idsWhere: "true",
    });
  }
}
