/**
 * Tables in files, read and written by a ClickHouse engine of this process: CSV, JSON lines and Parquet, whatever wrote them.
 *
 * For the command line; a server does not read files. Columns have the types that the engine finds in the file. Bound: the
 * engine's memory.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, resolve } from "node:path";
import { EngineError, messageOf } from "../engine/core/errors.ts";
import { type ChdbConnection, ChdbEngine, type QueryContext, quoted, quotedName } from "./chdb-engine.ts";
import { ClickhouseError } from "./clickhouse-error.ts";

/** By the ending of a file's name. */
const FORMATS = {
  csv: "CSVWithNames",
  jsonl: "JSONEachRow",
  ndjson: "JSONEachRow",
  parquet: "Parquet",
  native: "Native",
} as const;
export type TableFormat = keyof typeof FORMATS;

export interface TableColumn {
  readonly name: string;
  /** ClickHouse's name of its type. */
  readonly type: string;
}

const MEMORY_BYTES_MAX = 2 ** 30;
/** Each waits 100 ms longer than the one before. */
const REMOVALS_MAX = 8;
const SETTINGS: QueryContext["settings"] = [
  ["session_timezone", "UTC"],
  ["date_time_output_format", "iso"],
  ["date_time_input_format", "best_effort"],
  ["input_format_try_infer_datetimes_only_datetime64", "1"],
  ["output_format_json_quote_64bit_integers", "0"],
];

export class TableFiles implements AsyncDisposable {
  /** A folder for whoever uses this, removed with it. */
  readonly folder: string;
  readonly #engine: ChdbEngine;

  /** @param folder an empty one, which becomes its own. */
  constructor(folder: string) {
    this.folder = folder;
    this.#engine = new ChdbEngine(join(folder, "engine"), { memoryBytesMax: MEMORY_BYTES_MAX });
  }

  /**
   * The columns of a file.
   * @param texts columns that are texts whatever they look like.
   * @throws EngineError INVALID_REQUEST for a file that is not there, cannot be read, or is of no known format.
   */
  async columns(path: string, texts: readonly string[]): Promise<readonly TableColumn[]> {
    const columns: TableColumn[] = [];
    const query = `DESCRIBE TABLE ${fileOf(path)}`;
    const answer = await this.#run(texts, async (connection) => connection.query(query, "JSONEachRow")).catch(
      (error: unknown) => {
        throw /structure cannot be extracted/.test(messageOf(error)) ? noTable(path, error) : error;
      },
    );
    for (const line of linesOf(answer.bytes)) {
      const { name, type } = JSON.parse(line) as TableColumn;
      columns.push({ name, type: texts.includes(name) ? "String" : type });
    }
    return columns;
  }

  /**
   * Hands the rows of a file to `use`, in order, each as a JSON object.
   * @param texts as in `columns`.
   */
  async read(
    path: string,
    columns: readonly TableColumn[],
    texts: readonly string[],
    use: (rows: AsyncIterable<string>) => Promise<void>,
  ): Promise<void> {
    const own = columns.filter(({ name }) => texts.includes(name)).map(({ name }) => quotedName(name));
    const replaced = own.map((name) => `toString(${name}) AS ${name}`).join(", ");
    const query = `SELECT * ${own.length > 0 ? `REPLACE (${replaced})` : ""} FROM ${fileOf(path)}`;
    await this.#run(texts, async (connection) => {
      const chunks = connection.stream(query, "JSONEachRow");
      try {
        await use(rowsOf(chunks));
      } finally {
        await chunks.return(undefined); // before the connection closes
      }
    });
  }

  /**
   * Hands `SELECT <selected> FROM` the file, whose columns are all texts, to `use` in chunks of RowBinary.
   * @param selected SQL over the file's columns, with WHERE and the like behind FROM in `rest`.
   */
  async select(
    path: string,
    texts: readonly string[],
    { selected, rest = "" }: { readonly selected: string; readonly rest?: string },
    use: (chunks: AsyncIterable<Uint8Array>) => Promise<void>,
  ): Promise<void> {
    const query = `SELECT ${selected} FROM ${fileOf(path)} ${rest}`;
    await this.#run(texts, async (connection) => {
      const chunks = connection.stream(query, "RowBinary");
      try {
        await use(bytesOf(chunks));
      } finally {
        await chunks.return(undefined); // before the connection closes
      }
    });
  }

  /** Writes a file of JSON lines, whose columns are given, in another format. */
  async convert(
    jsonPath: string,
    columns: readonly TableColumn[],
    path: string,
    format: TableFormat,
  ): Promise<void> {
    const structure = columns.map(({ name, type }) => `${quotedName(name)} ${type}`).join(", ");
    const source = `file(${quoted(resolve(jsonPath))}, 'JSONEachRow', ${quoted(structure)})`;
    const query = `SELECT * FROM ${source} INTO OUTFILE ${quoted(resolve(path))} TRUNCATE FORMAT ${FORMATS[format]}`;
    await this.#run([], async (connection) => connection.query(query, "Null"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#engine.close();
    // threads of the engine may still write for a moment: such a folder is not empty when it is to go
    await rm(this.folder, { recursive: true, force: true, maxRetries: REMOVALS_MAX });
  }

  async #run<T>(texts: readonly string[], task: (connection: ChdbConnection) => Promise<T>): Promise<T> {
    const hints = texts.map((name) => `${quotedName(name)} String`).join(", ");
    const settings: QueryContext["settings"] = [...SETTINGS, ["schema_inference_hints", hints]];
    const context = {
      database: "default",
      params: new Map<string, string>(),
      settings,
      readonly: "no",
    } as const;
    try {
      return await this.#engine.withConnection(context, task);
    } catch (error) {
      if (!(error instanceof ClickhouseError)) throw error;
      throw new EngineError("INVALID_REQUEST", error.message.slice(0, 1000), { cause: error });
    }
  }
}

export async function openTableFiles(): Promise<TableFiles> {
  return new TableFiles(await mkdtemp(join(tmpdir(), "millrace-tables-")));
}

/** The format that the name of a file tells, or undefined. */
export function formatOf(path: string): TableFormat | undefined {
  const ending = extname(path).slice(1).toLowerCase();
  return Object.hasOwn(FORMATS, ending) ? (ending as TableFormat) : undefined;
}

function noTable(path: string, cause: unknown): EngineError {
  const rows = /different amount|INCORRECT_DATA/.test(messageOf(cause))
    ? "its lines differ in how many fields they have: quote fields that hold commas, and fill missing ones"
    : "it has no rows: give it a line of column names where the format has one, and rows below";
  return new EngineError("INVALID_REQUEST", `the file ${path} is no table: ${rows}`, { cause });
}

function fileOf(path: string): string {
  const format = formatOf(path);
  const problem =
    format === undefined
      ? `must end in ${Object.keys(FORMATS).join(", ")}`
      : /[*?{}[\]]/.test(path)
        ? "must not hold * ? { } [ ]"
        : existsSync(path)
          ? undefined
          : "is not there";
  if (format === undefined || problem !== undefined)
    throw new EngineError("INVALID_REQUEST", `the file ${path} ${problem}`);
  return `file(${quoted(resolve(path))}, '${FORMATS[format]}')`;
}

async function* bytesOf(
  chunks: AsyncIterable<{ readonly bytes: Uint8Array }>,
): AsyncGenerator<Uint8Array, undefined> {
  for await (const { bytes } of chunks) yield bytes;
}

async function* rowsOf(
  chunks: AsyncIterable<{ readonly bytes: Uint8Array }>,
): AsyncGenerator<string, undefined> {
  for await (const { bytes } of chunks) yield* linesOf(bytes);
}

function linesOf(bytes: Uint8Array): string[] {
  return Buffer.from(bytes)
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}
