/**
 * The ClickHouse engine in this process: chdb, one data directory, one connection per query.
 *
 * Settings, parameters and the current database stick to a chdb connection, and opening one costs 0.2 ms, so each
 * query gets its own and nothing leaks into the next. Parameters are set with SET param_x, because the binding's
 * own parameter call is not isolated between concurrent queries. Invariants: a connection is closed only when no
 * native call runs on it (closing earlier aborts the engine); one connection stays open as long as the engine.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ClickhouseError, toClickhouseError } from "./clickhouse-error.ts";

type Handle = object;

interface NativeResult {
  readonly bytes: Uint8Array;
  readonly elapsed: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
}

interface NativeChunk {
  readonly bytes: Uint8Array;
  readonly numRows: number;
  readonly done: boolean;
}

/** The part of the native binding in use; JavaScript over it adds global state that we do not want. */
interface ChdbNative {
  /** Arguments configure the engine, and count on the first connection only. */
  CreateConnection(path: string, args: readonly string[]): Handle | null;
  CloseConnection(connection: Handle): void;
  QueryAsyncConnection(connection: Handle, sql: string, format: string): Promise<NativeResult>;
  StreamQuery(connection: Handle, sql: string, format: string): Handle;
  StreamFetch(stream: Handle): Promise<NativeChunk>;
  StreamCancel(stream: Handle): void;
}

/** What holds for one query only. */
export interface QueryContext {
  readonly database: string;
  /** Values in ClickHouse's escaped form, as they come in URLs. */
  readonly params: ReadonlyMap<string, string>;
  /** Applied in order; a later one overrides an earlier one of the same name. */
  readonly settings: readonly (readonly [name: string, value: string])[];
  /** Refuses writes: "strict" refuses changes of settings, too. */
  readonly readonly: "no" | "settings" | "strict";
}

export interface ChdbConnection {
  query(sql: string, format: string): Promise<NativeResult>;
  /** Chunks of whole rows. Starts on the event loop: plain SELECTs only. One at a time. */
  stream(sql: string, format: string): AsyncGenerator<NativeChunk>;
  /** Stops what runs on this connection; it then fails with 394 QUERY_WAS_CANCELLED. */
  cancel(): Promise<void>;
}

export interface EngineLimits {
  /** All queries, merges and caches together; by default the engine would take nine tenths of the machine. */
  readonly memoryBytesMax: number;
}

const SETTING_NAME = /^[A-Za-z_][A-Za-z0-9_.]*$/;
/** Below the engine's default of max_query_size. */
const STATEMENT_BYTES_USUAL = 128 * 1024;
const PARAM_NAME = /^\w{1,128}$/;

export class ChdbEngine {
  readonly #native: ChdbNative;
  readonly #dataDir: string;
  readonly #args: readonly string[];
  readonly #anchor: Handle;
  #queries = 0;

  /** @throws ClickhouseError with the engine's message, such as 76 when another process has the directory. */
  constructor(dataDir: string, limits: EngineLimits) {
    this.#native = loadNative();
    this.#dataDir = dataDir;
    this.#args = [
      `--max_server_memory_usage=${limits.memoryBytesMax}`,
      `--mark_cache_size=${Math.floor(limits.memoryBytesMax / 16)}`,
    ];
    this.#anchor = this.#open();
  }

  /** Runs `task` on a connection of its own, prepared by `context`, and closes it. */
  async withConnection<T>(
    context: QueryContext,
    task: (connection: ChdbConnection) => Promise<T>,
  ): Promise<T> {
    const native = this.#native;
    const handle = this.#open();
    const tag = `millrace-${process.pid}-${(this.#queries += 1)}`;
    const connection: ChdbConnection = {
      query: (sql, format) => native.QueryAsyncConnection(handle, sql, format).catch(rethrow),
      stream: (sql, format) => streamChunks(native, handle, sql, format),
      cancel: () => this.#cancel(tag),
    };
    try {
      await connection.query(preludeOf(context, tag), "Null");
      return await task(connection);
    } finally {
      native.CloseConnection(handle);
    }
  }

  /** Gives the data directory back. No query may run any more. */
  close(): void {
    this.#native.CloseConnection(this.#anchor);
  }

  /** Stops whatever runs. */
  async cancelAll(): Promise<void> {
    await this.#kill("query_id != queryID()");
  }

  /** The engine has no call that interrupts a query; KILL QUERY from another connection does it. */
  async #cancel(tag: string): Promise<void> {
    const running = `SELECT query_id FROM system.processes WHERE Settings['log_comment'] = '${tag}'`;
    await this.#kill(`query_id IN (${running})`);
  }

  async #kill(condition: string): Promise<void> {
    const handle = this.#open();
    try {
      await this.#native.QueryAsyncConnection(handle, `KILL QUERY WHERE ${condition} ASYNC`, "Null");
    } finally {
      this.#native.CloseConnection(handle);
    }
  }

  #open(): Handle {
    try {
      const handle = this.#native.CreateConnection(this.#dataDir, this.#args);
      if (handle === null) throw new ClickhouseError(1001, "the engine gave no connection");
      return handle;
    } catch (error) {
      return rethrow(error);
    }
  }
}

/** `text` as a string literal of ClickHouse SQL. */
export function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&").replaceAll("\0", "\\0")}'`;
}

/** `name` as an identifier of ClickHouse SQL. */
export function quotedName(name: string): string {
  return `\`${name.replace(/[\\`]/g, "\\$&")}\``;
}

function preludeOf(context: QueryContext, tag: string): string {
  const assignments = [`log_comment = ${quoted(tag)}`];
  for (const [name, value] of context.params) {
    if (!PARAM_NAME.test(name)) throw new ClickhouseError(36, `Bad parameter name ${name}`, "BAD_ARGUMENTS");
    assignments.push(`param_${name} = ${quoted(value)}`);
  }
  for (const [name, value] of context.settings) {
    if (!SETTING_NAME.test(name)) throw new ClickhouseError(115, `Unknown setting '${name}'`);
    if (name !== "log_comment") assignments.push(`${name} = ${quoted(value)}`);
  }
  // Parameters may be longer than the engine takes a statement to be.
  const bytes = Buffer.byteLength(assignments.join());
  const room = bytes < STATEMENT_BYTES_USUAL ? "" : `SET max_query_size = ${bytes + STATEMENT_BYTES_USUAL}; `;
  // A statement of its own, and the last: with readonly set, no setting can change any more.
  const lock = { no: "", settings: "; SET readonly = 2", strict: "; SET readonly = 1" }[context.readonly];
  return `USE ${quotedName(context.database)}; ${room}SET ${assignments.join(", ")}${lock}`;
}

async function* streamChunks(
  native: ChdbNative,
  connection: Handle,
  sql: string,
  format: string,
): AsyncGenerator<NativeChunk> {
  let stream: Handle | undefined;
  try {
    stream = native.StreamQuery(connection, sql, format);
    for (;;) {
      const chunk = await native.StreamFetch(stream);
      if (chunk.done) return;
      yield chunk;
    }
  } catch (error) {
    rethrow(error);
  } finally {
    if (stream !== undefined) native.StreamCancel(stream); // no fetch runs here: safe
  }
}

function rethrow(error: unknown): never {
  throw toClickhouseError(error);
}

function loadNative(): ChdbNative {
  const require = createRequire(import.meta.url);
  const loader = join(dirname(require.resolve("chdb/package.json")), "dist", "loader.js");
  return (require(loader) as { loadNative(): ChdbNative }).loadNative();
}
