/**
 * Brings the database to the newest schema: runs the migrations that are not recorded in `schema_migrations` yet.
 * Run by the control plane before its first insert.
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
  for (const migration of MIGRATIONS) {
    if (applied.has(migration.id)) continue;
    for (const statement of migration.statements) {
      await client.command({ query: statement.replaceAll("{database}", database) });
    }
    await client.command({
      query: `INSERT INTO ${table} (id, name) SELECT {id:UInt32}, {name:String}`,
      query_params: { id: migration.id, name: migration.name },
    });
    logger.info({ migration: migration.id, name: migration.name }, "schema migrated");
  }
}
