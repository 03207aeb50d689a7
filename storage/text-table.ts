/**
 * A table whose columns are all read as texts: a file of the command line, or what an analyst's query gives. Values are converted by
 * SQL over them, so that they mean the same wherever they come from.
 */
import { EngineError, messageOf } from "../engine/core/errors.ts";
import { quoted, quotedName } from "./chdb-engine.ts";
import type { ClickHouse } from "./clickhouse.ts";
import { ColumnReader } from "./column-reader.ts";
import type { TableFiles } from "./table-files.ts";

/** Chunks of RowBinary. */
type UseChunks = (chunks: AsyncIterable<Uint8Array>) => Promise<void>;

export interface TextTable {
  /** For messages. */
  readonly title: string;
  readonly names: readonly string[];
  /**
   * Hands `SELECT <selected>`, aggregates over all rows, to `use`.
   * @throws EngineError INVALID_REQUEST when the table cannot be read.
   */
  aggregate(selected: string, use: UseChunks): Promise<void>;
  /** The same row by row, with a WHERE and LIMIT in `rest`, in an order that is the same every time: that of the file, or that of the values. */
  rows(selected: string, rest: string, use: UseChunks): Promise<void>;
}

/** What stands for no value in a column of numbers, in lower case, as a list of SQL. */
export const NO_VALUE = ["", "nan", "na", "n/a", "null", "none"].map(quoted).join(", ");
/** Numbers of rows are those of the file. */
const IN_ORDER = "SETTINGS max_threads = 1, input_format_parallel_parsing = 0";

/** SQL of a column's text. */
export function textSql({ name }: { readonly name: string }): string {
  return `ifNull(toString(${quotedName(name)}), '')`;
}

/** @throws EngineError INVALID_REQUEST for a file that is not there, cannot be read, or is of no known format. */
export async function openFileTable(files: TableFiles, path: string): Promise<TextTable> {
  const names = (await files.columns(path, [])).map(({ name }) => name);
  return {
    title: path,
    names,
    aggregate: async (selected, use) => files.select(path, names, { selected }, use),
    rows: async (selected, rest, use) =>
      files.select(path, names, { selected, rest: `${rest} ${IN_ORDER}` }, use),
  };
}

/**
 * What a SELECT gives. `client` should be that of a user who may only read; the query asks for no more than that in any case.
 * Bounds: those of the user.
 * @throws EngineError INVALID_REQUEST with what ClickHouse says of the query.
 */
export async function openQueryTable(client: Pick<ClickHouse, "exec">, sql: string): Promise<TextTable> {
  const query = sql.trim().replace(/;$/, "");
  const names = await columnsOf(client, query);
  const from = `FROM (SELECT * FROM (${query}\n) ORDER BY ALL)`; // the line ends a comment that the query may end with
  return {
    title: "query",
    names,
    aggregate: async (selected, use) => run(client, `SELECT ${selected} FROM (${query}\n)`, use),
    rows: async (selected, rest, use) => run(client, `SELECT ${selected} ${from} ${rest}`, use),
  };
}

/** One row of texts. */
export async function readTexts(table: TextTable, selected: readonly string[]): Promise<string[]> {
  const reader = new ColumnReader(
    selected.map(() => "category"),
    1,
  );
  await table.aggregate(selected.join(", "), async (chunks) => {
    for await (const chunk of chunks) reader.read(chunk);
  });
  return reader.finish().map(([text]) => String(text ?? ""));
}

/** Names of the columns, from the head of an empty answer. */
async function columnsOf(client: Pick<ClickHouse, "exec">, query: string): Promise<string[]> {
  const chunks: Buffer[] = [];
  await run(
    client,
    `SELECT * FROM (${query}\n) LIMIT 0`,
    async (answer) => {
      for await (const chunk of answer) chunks.push(Buffer.from(chunk));
    },
    "JSONCompact",
  );
  const { meta } = JSON.parse(Buffer.concat(chunks).toString()) as { meta: readonly { name: string }[] };
  return meta.map(({ name }) => name);
}

async function run(
  client: Pick<ClickHouse, "exec">,
  query: string,
  use: UseChunks,
  format = "RowBinary",
): Promise<void> {
  try {
    const settings = { readonly: "1" } as const;
    const { stream } = await client.exec({
      query: `${query} FORMAT ${format}`,
      clickhouse_settings: settings,
    });
    await use(stream as AsyncIterable<Buffer>);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const message = messageOf(error).slice(0, 1000);
    const details = [{ field: "sql", message }];
    throw new EngineError("INVALID_REQUEST", `sql: ${message}`, { cause: error, details });
  }
}
