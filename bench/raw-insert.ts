/**
 * The ceiling of the sink: rows per second of RowBinary that was encoded before, inserted block after block into a table like `predictions` that
 * nothing else reads. The rows are those that the engine has just stored.
 */
import { LOG_COLUMNS } from "../engine/core/log-block.ts";
import { insertBlock } from "../storage/insert-block.ts";
import type { TestEngine } from "../test/support/engine.ts";

/** About what the sink's 16 MiB hold. */
const BLOCK_ROWS = 50_000;
const TABLE = "millrace.predictions_raw";

export async function measureRawInsert(engine: TestEngine, seconds: number): Promise<number> {
  const client = engine.clickhouse();
  await client.command({ query: `CREATE TABLE ${TABLE} AS millrace.predictions` });
  const { rows, count } = await storedRows(engine);
  const insert = async (token: string): Promise<void> =>
    insertBlock(client, { table: TABLE, columns: LOG_COLUMNS, rows, token });
  await insert("warm-up");
  const startedMs = performance.now();
  let inserted = 0;
  let tookMs = 0;
  for (; tookMs < seconds * 1000; tookMs = performance.now() - startedMs) {
    await insert(`raw:${inserted}`);
    inserted += count;
  }
  await client.command({ query: `DROP TABLE ${TABLE}` });
  return (inserted * 1000) / tookMs;
}

async function storedRows(engine: TestEngine): Promise<{ readonly rows: Buffer; readonly count: number }> {
  const selected = `FROM (SELECT * FROM millrace.predictions LIMIT ${BLOCK_ROWS})`;
  const [found] = await engine.sql<{ count: string }>(`SELECT count() AS count ${selected}`);
  const { stream } = await engine
    .clickhouse()
    .exec({ query: `SELECT ${LOG_COLUMNS.join(", ")} ${selected} FORMAT RowBinary` });
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
  return { rows: Buffer.concat(chunks), count: Number(found?.count ?? 0) };
}
