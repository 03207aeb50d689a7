/**
 * Answers of the ClickHouse HTTP interface: headers, content types, compression, whole or streamed bodies.
 *
 * A streamed body waits for the client (back-pressure) and holds at most one chunk of the engine in memory. An
 * error after the first byte cannot change the status any more: it goes into the body between exception marks,
 * which the client looks for, and the connection is cut.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import { constants, createBrotliCompress, createDeflate, createGzip } from "node:zlib";
import { toClickhouseError } from "./clickhouse-error.ts";
import type { ResponseEncoding } from "./clickhouse-request.ts";

/** What the engine knows about a finished query, in the header X-ClickHouse-Summary. */
export interface QuerySummary {
  readonly readRows: number;
  readonly readBytes: number;
  readonly writtenRows: number;
  readonly writtenBytes: number;
  readonly elapsedNs: number;
}

export interface ResponseMeta {
  readonly queryId: string;
  readonly format: string;
  readonly timezone: string;
  readonly version: string;
  readonly encoding: ResponseEncoding | undefined;
}

const NO_SUMMARY: QuerySummary = { readRows: 0, readBytes: 0, writtenRows: 0, writtenBytes: 0, elapsedNs: 0 };

const CONTENT_TYPES: readonly (readonly [formats: RegExp, type: string])[] = [
  [/^JSON.*EachRow|^NDJSON|^JSONLines/i, "application/x-ndjson; charset=UTF-8"],
  [/^JSON/i, "application/json; charset=UTF-8"],
  [/^(?:TSV|TabSeparated)/i, "text/tab-separated-values; charset=UTF-8"],
  [/^CSV/i, "text/csv; charset=UTF-8"],
  [/^XML/i, "application/xml; charset=UTF-8"],
  [/^Parquet/i, "application/octet-stream"],
  [/^(?:Native|RowBinary|Arrow|ORC|Avro|MsgPack|Npy|BSON)/i, "application/octet-stream"],
];

export function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=UTF-8" });
  response.end(text);
}

export function sendError(response: ServerResponse, error: unknown, meta: ResponseMeta): void {
  const failure = toClickhouseError(error);
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  response.writeHead(failure.status, {
    "content-type": "text/plain; charset=UTF-8",
    "x-clickhouse-query-id": headerSafe(meta.queryId),
    "x-clickhouse-exception-code": failure.code,
    "x-clickhouse-summary": summaryText(NO_SUMMARY),
    // An unread body of a refused request would otherwise be taken for the next request.
    ...(response.req.complete ? {} : { connection: "close" }),
  });
  response.end(failure.toText(meta.version));
}

/** Sends a result that is complete. */
export async function sendWhole(
  response: ServerResponse,
  body: Uint8Array,
  meta: ResponseMeta,
  summary: QuerySummary,
): Promise<void> {
  const headers = headersOf(meta, summary);
  if (meta.encoding === undefined || body.length === 0) {
    response.writeHead(200, { ...headers, "content-length": body.length });
    response.end(body);
    return;
  }
  response.writeHead(200, { ...headers, "content-encoding": meta.encoding });
  compressed(response, meta.encoding).end(body);
}

/**
 * Sends chunks as they come. Headers leave with the first chunk, so an error before it is an ordinary error.
 * @throws what `chunks` throws before its first chunk.
 */
export async function sendStream(
  response: ServerResponse,
  chunks: AsyncGenerator<{ readonly bytes: Uint8Array }>,
  meta: ResponseMeta,
): Promise<void> {
  const first = await chunks.next();
  const tag = randomBytes(8).toString("hex");
  const headers = { ...headersOf(meta, NO_SUMMARY), "x-clickhouse-exception-tag": tag };
  if (meta.encoding !== undefined) response.setHeader("content-encoding", meta.encoding);
  response.writeHead(200, headers);
  const target = meta.encoding === undefined ? response : compressed(response, meta.encoding);
  if (first.done === true) {
    target.end();
    return;
  }
  let chunk: Uint8Array | undefined = first.value.bytes;
  try {
    while (chunk !== undefined && !response.destroyed) {
      if (!target.write(chunk)) await drained(target, response);
      const next = await chunks.next();
      chunk = next.done === true ? undefined : next.value.bytes;
    }
    target.end();
  } catch (error) {
    const text = toClickhouseError(error).toText(meta.version);
    const bytes = Buffer.byteLength(text);
    target.write(`\r\n__exception__\r\n${tag}\r\n${text}${bytes} ${tag}\r\n__exception__\r\n`);
    // Ending the compressed stream keeps it readable; a plain one is cut, so that no client takes it for whole.
    if (target === response) response.socket?.end();
    else target.end();
  }
}

/** Resolves when `target` takes more, or when there is nobody left to take it. */
async function drained(target: Writable, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  const onClose = () => gone.abort();
  response.once("close", onClose);
  try {
    if (!response.destroyed) await once(target, "drain", { signal: gone.signal });
  } catch {
    // the client went away: the caller sees response.destroyed
  } finally {
    response.off("close", onClose);
  }
}

function compressed(response: ServerResponse, encoding: ResponseEncoding): Writable {
  const encoder = {
    gzip: () => createGzip({ level: 1 }),
    deflate: () => createDeflate({ level: 1 }),
    br: () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
  }[encoding]();
  encoder.pipe(response);
  response.on("close", () => encoder.destroy());
  encoder.on("error", () => response.destroy());
  return encoder;
}

function headersOf(meta: ResponseMeta, summary: QuerySummary): Record<string, string> {
  const type = CONTENT_TYPES.find(([formats]) => formats.test(meta.format))?.[1];
  return {
    "content-type": type ?? "text/plain; charset=UTF-8",
    "x-clickhouse-server-display-name": "millrace",
    "x-clickhouse-query-id": headerSafe(meta.queryId),
    "x-clickhouse-format": headerSafe(meta.format),
    "x-clickhouse-timezone": meta.timezone,
    "x-clickhouse-summary": summaryText(summary),
  };
}

function summaryText(summary: QuerySummary): string {
  return JSON.stringify({
    read_rows: String(summary.readRows),
    read_bytes: String(summary.readBytes),
    written_rows: String(summary.writtenRows),
    written_bytes: String(summary.writtenBytes),
    total_rows_to_read: "0",
    result_rows: String(summary.writtenRows),
    result_bytes: String(summary.writtenBytes),
    elapsed_ns: String(Math.round(summary.elapsedNs)),
  });
}

/** Query ids come from clients: header values hold visible ASCII only. */
function headerSafe(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 256);
}
