/**
 * Brings the database to the newest schema: runs the migrations that are not recorded in `schema_migrations` yet, and records
 * them together; those of a run that was cut short are run again. Run by the control plane before its first insert.
 */
import type { Logger } from "../engine/core/log.ts";
import { type ClickHouse, selectRows } from "./clickhouse.ts";
import { MIGRATIONS } from "./migrations.ts";

/** @throws EngineError SERVICE_UNAVAILABLE, or the client's error for a statement that fails. */
export async function migrate(client: ClickHouse, database: string, logger: Logger): Promise<void> {
  const table = `${database}.schema_migrations`;
  await client.command({ query: `CREATE DATABASE IF NOT EXISTS ${database}` });
  await client.command({
    query: `CREATE TABLE IF NOT EXISTS ${table} (id UInt32, name String, applied DateTime DEFAULT now()) ENGINE = MergeTree ORDER BY id`,
  });
  const rows = await selectRows<{ id: number }>(client, `SELECT DISTINCT id FROM ${table}`);
  const applied = new Set(rows.map((row) => row.id));
  const due = MIGRATIONS.filter(({ id }) => !applied.has(id));
  if (due.length === 0) return;
  for (const { id, name, statements } of due) {
    for (const statement of statements)
      await client.command({ query: statement.replaceAll("{database}", database) });
    logger.info({ migration: id, name }, "schema migrated");
  }
  await client.insert({ table, values: due.map(({ id, name }) => ({ id, name })), format: "JSONEachRow" });
}
