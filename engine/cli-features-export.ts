/**
 * `millrace features export`: a training set, features as they were at the moments of some rows.
 *
 *     rows (a file, or a query's) → features out of ClickHouse → JSON lines → the file, in its format
 *
 * It reads ClickHouse itself, so that an export costs the serving processes nothing; definitions come from the engine. The
 * file is there once it is whole.
 */
import { createWriteStream } from "node:fs";
import { readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Command } from "commander";
import { type ClickHouse, openClickHouse } from "../storage/clickhouse.ts";
import { ClickHouseFeatureHistory } from "../storage/clickhouse-feature-history.ts";
import { formatOf, openTableFiles, type TableColumn, type TableFiles } from "../storage/table-files.ts";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { EngineError } from "./core/errors.ts";
import { parseFeatureSet } from "./core/feature-set.ts";
import type { LookupStep, SetLookup } from "./features/feature-lookup.ts";
import { findReferred } from "./features/feature-references.ts";
import { historicalFeatures } from "./features/historical-features.ts";
import { parseTrainingRow, toTrainingJson } from "./features/training-rows.ts";

const QUERY_TIMEOUT_MS = 3_600_000;
const PROGRESS_MS = 2_000;

interface Options {
  readonly url: string;
  readonly features: string;
  readonly rows?: string;
  readonly query?: string;
  readonly out: string;
  readonly status?: boolean;
  readonly clickhouse?: string;
  readonly database: string;
  readonly dataDir: string;
}

export function exportCommand(): Command {
  const command = new Command("export").description(
    "write a training set: features as they were known at the moments of some rows",
  );
  return withUrlOption(command)
    .requiredOption(
      "--features <list>",
      "set@version:name,name,set@version:… or set@version for all of a set",
    )
    .option(
      "--rows <file>",
      "rows in .csv, .jsonl or .parquet: the entity's key (or entity_id), as_of, anything else",
    )
    .option("--query <sql>", "rows of a query in ClickHouse: SELECT … AS entity_id, … AS as_of")
    .requiredOption("--out <file>", "file to write, .parquet, .csv or .jsonl")
    .option("--status", "add feature_status: which features have their default, and why")
    .option(
      "--clickhouse <url>",
      "ClickHouse with user and password; default: the engine's",
      process.env["CLICKHOUSE_URL"],
    )
    .option("--database <name>", "its database", process.env["MILLRACE_DATABASE"] ?? "millrace")
    .option(
      "--data-dir <folder>",
      "data folder of an engine with an embedded ClickHouse, for the password",
      process.env["MILLRACE_DATA_DIR"] ?? "./.millrace",
    )
    .action(exportFeatures);
}

async function exportFeatures(options: Options): Promise<void> {
  if ((options.rows === undefined) === (options.query === undefined))
    throw new EngineError("INVALID_REQUEST", "give exactly one of --rows and --query");
  const format = formatOf(options.out);
  if (format === undefined || format === "native")
    throw new EngineError("INVALID_REQUEST", `--out ${options.out} must end in .parquet, .csv or .jsonl`);
  const lookup = await findFeatures(options);
  const client = openClickHouse(await clickhouseUrl(options), QUERY_TIMEOUT_MS);
  const part = `${options.out}.part`;
  try {
    await using files = await openTableFiles();
    const rowsPath = options.rows ?? (await storeQuery(client, options, files));
    const texts = textColumns(lookup);
    const columns = await files.columns(rowsPath, texts);
    const jsonPath = format === "jsonl" || format === "ndjson" ? part : join(files.folder, "rows.jsonl");
    await files.read(rowsPath, columns, texts, async (rows) =>
      pipeline(Readable.from(trainingLines(rows, client, lookup, options)), createWriteStream(jsonPath)),
    );
    if (jsonPath !== part) await files.convert(jsonPath, outColumns(columns, lookup, options), part, format);
    await rename(part, options.out);
  } finally {
    await client.close();
    await rm(part, { force: true });
  }
}

/** The rows with their features as JSON lines; tells on stderr how far it is. */
async function* trainingLines(
  rows: AsyncIterable<string>,
  client: ClickHouse,
  lookup: SetLookup,
  { database, status }: Options,
): AsyncGenerator<string, undefined> {
  const startedMs = performance.now();
  let toldMs = startedMs;
  let count = 0;
  const tell = (nowMs: number): void => {
    toldMs = nowMs;
    const perSecond = Math.round((count * 1000) / Math.max(1, nowMs - startedMs));
    console.error(`${count} rows, ${perSecond} rows/s`);
  };
  const history = new ClickHouseFeatureHistory(client, database);
  for await (const found of historicalFeatures({ history, lookup, rows: parsedRows(lookup, rows) })) {
    yield toTrainingJson(lookup, found, status === true ? "with status" : "without status");
    count++;
    if (count % 1000 === 0 && performance.now() - toldMs > PROGRESS_MS) tell(performance.now());
  }
  tell(performance.now());
}

async function* parsedRows(lookup: SetLookup, rows: AsyncIterable<string>) {
  let number = 0;
  for await (const json of rows) yield parseTrainingRow(lookup, json, ++number);
}

async function findFeatures({ url, features }: Options): Promise<SetLookup> {
  return findReferred(features, async (name, version) => {
    const { records } = (await callEngine(url, "GET", `/feature-sets/${encodeURIComponent(name)}`)) as {
      records: { set: { version: unknown } }[];
    };
    const found = records.find(({ set }) => set.version === version);
    if (found !== undefined) return parseFeatureSet(found.set);
    throw new EngineError(
      "FEATURE_SET_NOT_FOUND",
      `there is no feature set ${name}@${version}: see millrace features list`,
    );
  });
}

/** An embedded ClickHouse lets only those in who can read its password in the data folder. */
async function clickhouseUrl({ url, clickhouse, dataDir }: Options): Promise<string> {
  if (clickhouse !== undefined) return clickhouse;
  const { addresses } = (await callEngine(url, "GET", "/")) as { addresses: Record<string, string> };
  const found = new URL(addresses["clickhouse"] ?? "");
  const file = join(dataDir, "clickhouse.password");
  const password = await readFile(file, "utf8").catch(() => {
    throw new EngineError(
      "FORBIDDEN",
      `${file} cannot be read: name the engine's data folder with --data-dir, or ClickHouse with --clickhouse http://user:password@host:8123`,
    );
  });
  found.username = "millrace";
  found.password = encodeURIComponent(password.trim());
  return found.href;
}

/** The rows of the query in a file, with their types. */
async function storeQuery(
  client: ClickHouse,
  { query, database }: Options,
  files: TableFiles,
): Promise<string> {
  const path = join(files.folder, "rows.native");
  const { stream } = await client.exec({
    query: `${(query ?? "").replace(/[\s;]+$/, "")}\nFORMAT Native`,
    clickhouse_settings: { database },
  });
  await pipeline(stream, createWriteStream(path));
  return path;
}

/** Ids are texts, even if they look like numbers. */
function textColumns({ entities }: SetLookup): string[] {
  return [...entities.map(({ key }) => key), "entity_id"];
}

function outColumns(
  columns: readonly TableColumn[],
  { features, steps }: SetLookup,
  { status }: Options,
): TableColumn[] {
  const own = columns.filter(({ name }) => status !== true || name !== "feature_status");
  return [
    ...own,
    ...features.map(({ name, step }) => ({ name, type: typeOf(steps[step] as LookupStep) })),
    ...(status === true ? [{ name: "feature_status", type: "Map(String, String)" }] : []),
  ];
}

/** Aggregations and derived features are numbers, whatever the type they are given. */
function typeOf({ kind, feature }: LookupStep): string {
  if (kind === "window" || kind === "derived") return "Nullable(Float64)";
  if (feature.type === "category") return "Nullable(String)";
  return feature.type === "bool" ? "Nullable(Bool)" : "Nullable(Float64)";
}
