/**
 * The `feature_values` table for tests: made by the migrations, filled as the sink fills it.
 */
import type { FeatureEvent } from "../../engine/core/feature-event.ts";
import { writeFeatureRow } from "../../engine/core/feature-row.ts";
import { createLogger } from "../../engine/core/log.ts";
import { RowBinaryWriter } from "../../engine/core/row-binary.ts";
import { migrate } from "../../storage/migrate.ts";
import { RowStore } from "../../storage/row-store.ts";
import { FEATURE_VALUES } from "../../storage/sink-tables.ts";
import type { TestClickhouse } from "./clickhouse.ts";

export interface StoredEvent {
  readonly epoch: number;
  readonly entityType: string;
  readonly event: FeatureEvent;
}

export async function createFeatureTables(
  { client }: Pick<TestClickhouse, "client">,
  database: string,
): Promise<void> {
  await migrate(client, database, createLogger("silent"));
}

/** Adds the events to the table of `database`, in one insert. */
export async function storeEvents(
  { client }: Pick<TestClickhouse, "client">,
  database: string,
  events: readonly StoredEvent[],
): Promise<void> {
  const store = new RowStore(client, database, FEATURE_VALUES);
  const writer = new RowBinaryWriter(1 << 20);
  for (const { epoch, entityType, event } of events) writeFeatureRow(writer, epoch, entityType, event);
  const refusal = await store.insert(Buffer.from(writer.written()), "");
  if (refusal !== undefined) throw new Error(refusal);
}
