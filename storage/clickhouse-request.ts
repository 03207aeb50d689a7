/**
 * A request of the ClickHouse HTTP interface as a record: who asks, what, and under which settings.
 *
 * Reads the URL and the headers; the body is read by clickhouse-body. URL parameters that ClickHouse does not
 * know as its own are settings of that one query.
 */
import { createHash, randomUUID, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { ClickhouseError } from "./clickhouse-error.ts";

export interface ClickhouseRequest {
  readonly path: string;
  /** The `query` URL parameter, or "". */
  readonly query: string;
  readonly queryId: string;
  /** Undefined when the request names none. */
  readonly database: string | undefined;
  readonly defaultFormat: string;
  readonly params: Map<string, string>;
  readonly settings: readonly (readonly [name: string, value: string])[];
  readonly user: string;
  readonly password: string;
  /** GET and HEAD change nothing. */
  readonly isReadOnly: boolean;
  /** Answer only once the whole result is there. */
  readonly waitsForEnd: boolean;
  /** First of the client's encodings that we speak, if it asks for a compressed answer. */
  readonly encoding: ResponseEncoding | undefined;
}

export type ResponseEncoding = "gzip" | "deflate" | "br";
const ENCODINGS: readonly ResponseEncoding[] = ["gzip", "deflate", "br"];

/** Parameters of the interface itself that need no action here. */
const IGNORED = new Set(
  `query user password database default_format query_id wait_end_of_query buffer_size enable_http_compression
  http_zlib_compression_level send_progress_in_http_headers http_headers_progress_interval_ms quota_key
  add_http_cors_header cancel_http_readonly_queries_on_client_close session_timeout session_check stacktrace
  client_protocol_version http_response_headers log_queries`.split(/\s+/),
);
const UNSUPPORTED = new Set(["session_id", "role", "compress", "decompress", "external"]);

/** @throws ClickhouseError 48 for parameters of the real server that are missing here. */
export function parseRequest(request: IncomingMessage): ClickhouseRequest {
  const url = new URL(request.url ?? "/", "http://localhost");
  const search = url.searchParams;
  const params = new Map<string, string>();
  const settings: [string, string][] = [];
  for (const [name, value] of search) {
    if (name.startsWith("param_")) params.set(name.slice("param_".length), value);
    else if (UNSUPPORTED.has(name) && value !== "0" && value !== "") {
      throw new ClickhouseError(48, `The embedded ClickHouse does not support the URL parameter ${name}`);
    } else if (!IGNORED.has(name) && !UNSUPPORTED.has(name)) settings.push([name, value]);
  }
  const [user, password] = credentialsOf(request, search);
  return {
    path: url.pathname,
    query: search.get("query") ?? "",
    queryId: search.get("query_id") || headerOf(request, "x-clickhouse-query-id") || randomUUID(),
    database: search.get("database") || headerOf(request, "x-clickhouse-database"),
    defaultFormat: search.get("default_format") || headerOf(request, "x-clickhouse-format") || "TabSeparated",
    params,
    settings,
    user,
    password,
    isReadOnly: request.method !== "POST" && request.method !== "PUT",
    waitsForEnd: search.get("wait_end_of_query") === "1",
    encoding: encodingOf(request, search),
  };
}

/** Headers win over Basic, Basic over URL; without any it is `default` with an empty password. */
function credentialsOf(request: IncomingMessage, search: URLSearchParams): [string, string] {
  const user = headerOf(request, "x-clickhouse-user");
  if (user !== undefined) return [user, headerOf(request, "x-clickhouse-key") ?? ""];
  const basic = /^Basic\s+(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (basic !== undefined) {
    const text = Buffer.from(basic, "base64").toString();
    const colon = text.indexOf(":");
    return colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
  }
  if (request.headers.authorization !== undefined) {
    throw new ClickhouseError(516, "Only Basic authorization is supported");
  }
  return [search.get("user") || "default", search.get("password") ?? ""];
}

function encodingOf(request: IncomingMessage, search: URLSearchParams): ResponseEncoding | undefined {
  if (search.get("enable_http_compression") !== "1") return undefined;
  const accepted = request.headers["accept-encoding"] ?? "";
  return ENCODINGS.find((encoding) => new RegExp(`\\b${encoding}\\b`).test(accepted));
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return (Array.isArray(value) ? value[0] : value) || undefined;
}

/** Compares in a time that does not depend on where the strings differ. */
export function equalSecrets(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
