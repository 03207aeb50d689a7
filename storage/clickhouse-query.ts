/**
 * Runs one request of the HTTP interface: INSERT with data, plain SELECT as a stream, or anything else in memory.
 *
 * Inserts are one block: up to 1,048,576 rows into one partition become exactly one part, all or nothing. Reads
 * end when their client goes away; writes run to their end, as on a real server. Bounds: statement, body and
 * in-memory result from the configuration; running and waiting queries by QuerySlots, apart for analysts.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { analystSettings } from "./analyst-settings.ts";
import type { ChdbConnection, ChdbEngine, QueryContext } from "./chdb-engine.ts";
import { quoted } from "./chdb-engine.ts";
import { type BodyHead, multipartFields, readAll, readHead, withSpoolFile } from "./clickhouse-body.ts";
import type { ClickhouseConfig } from "./clickhouse-config.ts";
import { ClickhouseError } from "./clickhouse-error.ts";
import type { ClickhouseRequest } from "./clickhouse-request.ts";
import { type QuerySummary, type ResponseMeta, sendStream, sendWhole } from "./clickhouse-response.ts";
import { QuerySlots } from "./query-slots.ts";
import { type AllowedFunctions, loadAllowedFunctions } from "./sql-allowed.ts";
import { checkFormat, guardQuery } from "./sql-guard.ts";
import { type InsertShape, insertShape, type ReadShape, readShape } from "./sql-shape.ts";

/** One request on its way. */
export interface Exchange {
  readonly request: ClickhouseRequest;
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly meta: ResponseMeta;
}

const INSERT_ROWS_MAX = "1048576";
/** One thread reads the rows in order into one block: one part per partition, the same on every retry. */
const INSERT_SETTINGS: readonly (readonly [string, string])[] = [
  ["max_block_size", INSERT_ROWS_MAX],
  ["max_insert_block_size", INSERT_ROWS_MAX],
  ["min_insert_block_size_rows", INSERT_ROWS_MAX],
  ["min_insert_block_size_bytes", "0"],
  ["max_insert_threads", "1"],
  ["max_threads", "1"],
  ["input_format_parallel_parsing", "0"],
];
/** Formats without head and foot: chunks of the engine, one after the other, are one document. */
const STREAMABLE = new Set(
  `TabSeparated TSV TabSeparatedRaw TSVRaw CSV JSONEachRow JSONLines
  NDJSON JSONStringsEachRow JSONCompactEachRow JSONCompactStringsEachRow RowBinary Native`.split(/\s+/),
);

export class QueryRunner {
  readonly #engine: ChdbEngine;
  readonly #config: ClickhouseConfig;
  readonly #spoolDir: string;
  readonly #slots: QuerySlots;
  readonly #analystSlots: QuerySlots;
  #functions: AllowedFunctions | undefined;

  constructor(engine: ChdbEngine, config: ClickhouseConfig, spoolDir: string) {
    this.#engine = engine;
    this.#config = config;
    this.#spoolDir = spoolDir;
    this.#slots = new QuerySlots(config);
    this.#analystSlots = new QuerySlots(config.analyst);
  }

  /** Answers a request of the configured user. */
  async runAsOwner(exchange: Exchange): Promise<void> {
    const { incoming, request } = exchange;
    const body = await readBody(incoming, request.params, this.#config.bodyBytesMax);
    const given = Buffer.from(body.query ?? request.query);
    const head = given.length === 0 ? body.head : Buffer.concat([given, Buffer.from("\n"), body.head]);
    // latin1 keeps one character a byte, so that offsets in the text are offsets in the body
    const insert = insertShape(head.toString("latin1"));
    if (insert !== undefined && (given.length === 0 || insert.dataStart < given.length)) {
      await this.#insert(exchange, insert, head.subarray(insert.dataStart), body);
    } else if (insert !== undefined) {
      await this.#insert(exchange, insert, body.head, body);
    } else {
      const text = (await readAll({ ...body, head }, this.#config.statementBytesMax)).toString();
      await this.#slots.run(() => this.#statement(exchange, readShape(text)));
    }
  }

  /** Answers a request of `default`: guarded, read-only, limited. */
  async runAsAnalyst(exchange: Exchange): Promise<void> {
    const { incoming, request, meta } = exchange;
    const limits = this.#config.analyst;
    const body = await readBody(incoming, request.params, limits.statementBytesMax);
    const parts = [body.query ?? request.query, (await readAll(body, limits.statementBytesMax)).toString()];
    const text = parts.filter((part) => part !== "").join("\n");
    if (text.length > limits.statementBytesMax) throw new ClickhouseError(628, "The statement is too large");
    const database = request.database ?? this.#config.database;
    const databases = [this.#config.database];
    if (!databases.includes(database)) {
      throw new ClickhouseError(497, `Not enough privileges: analysts may use the database ${databases[0]}`);
    }
    checkFormat(request.defaultFormat);
    const settings = analystSettings(limits, request.settings);
    await this.#analystSlots.run(async () => {
      if (exchange.response.destroyed) return; // went away while it waited
      const functions = await this.#allowedFunctions();
      const context = { database, params: request.params, settings, readonly: "strict" } as const;
      await this.#engine.withConnection(context, async (connection) => {
        const guarded = await guardQuery(connection, text, { databases, functions });
        const format = guarded.format ?? request.defaultFormat;
        await sendResult(connection, guarded.sql, { ...exchange, meta: { ...meta, format } }, "read");
      });
    });
  }

  async #allowedFunctions(): Promise<AllowedFunctions> {
    const context = { database: "system", params: new Map(), settings: [], readonly: "strict" } as const;
    this.#functions ??= await this.#engine.withConnection(context, loadAllowedFunctions);
    return this.#functions;
  }

  async #insert(exchange: Exchange, insert: InsertShape, first: Buffer, body: BodyHead): Promise<void> {
    const { request, response } = exchange;
    if (request.isReadOnly) throw new ClickhouseError(164, "Cannot execute query in readonly mode: use POST");
    const rest = body.isWhole ? undefined : body.rest;
    await withSpoolFile(this.#spoolDir, first, rest, async (path, bytes) => {
      if (exchange.incoming.destroyed && !exchange.incoming.complete) return; // half a body inserts nothing
      const sql = insertSql(insert, path, request.defaultFormat);
      const context = this.#contextOf(request, INSERT_SETTINGS);
      const summary = await this.#slots.run(() =>
        this.#engine.withConnection(context, async (connection) => {
          const result = await connection.query(sql, "Null");
          return { ...summaryOf(result), writtenRows: result.rowsRead, writtenBytes: bytes };
        }),
      );
      await sendWhole(response, Buffer.alloc(0), exchange.meta, summary);
    });
  }

  async #statement(exchange: Exchange, shape: ReadShape): Promise<void> {
    const { request, response } = exchange;
    if (shape.text.trim() === "") throw new ClickhouseError(62, "Syntax error: Empty query");
    const meta = { ...exchange.meta, format: shape.format ?? request.defaultFormat };
    const isStream = shape.isPlain && STREAMABLE.has(meta.format) && !request.waitsForEnd;
    const isBounded = shape.kind === "select" && !isStream;
    const bound: QueryContext["settings"] = isBounded
      ? [["max_result_bytes", String(this.#config.resultBytesMax)]]
      : [];
    await this.#engine.withConnection(this.#contextOf(request, bound), async (connection) => {
      if (!isStream) {
        await sendResult(connection, shape.text, { ...exchange, meta }, shape.isRead ? "read" : "write");
        return;
      }
      const chunks = connection.stream(shape.text, meta.format);
      try {
        await sendStream(response, chunks, meta);
      } finally {
        await chunks.return(undefined); // cancels what is left, before the connection closes
      }
    });
  }

  #contextOf(request: ClickhouseRequest, defaults: QueryContext["settings"]): QueryContext {
    return {
      database: request.database ?? this.#config.database,
      params: request.params,
      settings: [...defaults, ...request.settings],
      readonly: request.isReadOnly ? "settings" : "no",
    };
  }
}

/** Runs in memory and sends. A read whose client goes away is cancelled; a write is not. */
async function sendResult(
  connection: ChdbConnection,
  sql: string,
  { response, meta }: Exchange,
  kind: "read" | "write",
): Promise<void> {
  let cancelled: Promise<void> | undefined;
  const onClose = () => {
    cancelled = connection.cancel().catch(() => undefined); // it then just runs to its end
  };
  if (kind === "read") response.once("close", onClose);
  if (response.destroyed && kind === "read") return;
  try {
    const result = await connection.query(sql, meta.format);
    response.off("close", onClose);
    await sendWhole(response, result.bytes, meta, summaryOf(result));
  } finally {
    response.off("close", onClose);
    await cancelled;
  }
}

function insertSql(insert: InsertShape, path: string, defaultFormat: string): string {
  const format = insert.format ?? (defaultFormat === "TabSeparated" ? "Values" : defaultFormat);
  const target = Buffer.from(insert.target, "latin1").toString();
  const settings = Buffer.from(insert.settings, "latin1").toString();
  return `${target} FROM INFILE ${quoted(path)} COMPRESSION 'none' ${settings} FORMAT ${format}`;
}

/** The body; of a multipart form, its fields become the query and the parameters. */
async function readBody(
  incoming: IncomingMessage,
  params: Map<string, string>,
  bytesMax: number,
): Promise<BodyHead & { readonly query?: string }> {
  const body = await readHead(incoming, bytesMax);
  const type = incoming.headers["content-type"] ?? "";
  if (!type.startsWith("multipart/form-data")) return body;
  const fields = multipartFields(type, await readAll(body, bytesMax));
  for (const [name, value] of fields) {
    if (name.startsWith("param_")) params.set(name.slice("param_".length), value);
  }
  const query = fields.get("query");
  return { head: Buffer.alloc(0), isWhole: true, rest: body.rest, ...(query === undefined ? {} : { query }) };
}

function summaryOf(result: { rowsRead: number; bytesRead: number; elapsed: number }): QuerySummary {
  return {
    readRows: result.rowsRead,
    readBytes: result.bytesRead,
    writtenRows: 0,
    writtenBytes: 0,
    elapsedNs: result.elapsed * 1e9,
  };
}
