/** A ClickHouse with the engine's tables for a test file, and a client that may write to them. */
import { pino } from "pino";
import { type ClickHouse, openClickHouse } from "../../storage/clickhouse.ts";
import { migrate } from "../../storage/migrate.ts";
import { PASSWORD, startTestClickhouse } from "./clickhouse.ts";

export interface TestTables {
  readonly client: ClickHouse;
  /** Empties these tables. */
  truncate(...tables: readonly string[]): Promise<void>;
  remove(): Promise<void>;
}

export async function startTestTables(database: string): Promise<TestTables> {
  const server = await startTestClickhouse();
  const client = openClickHouse(server.url.replace("//", `//millrace:${encodeURIComponent(PASSWORD)}@`));
  await migrate(client, database, pino({ level: "silent" }));
  return {
    client,
    truncate: async (...tables) => {
      for (const table of tables) await client.command({ query: `TRUNCATE TABLE ${database}.${table}` });
    },
    remove: async () => {
      await client.close();
      await server.remove();
    },
  };
}
