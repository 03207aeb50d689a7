/**
 * The HTTP face of the embedded ClickHouse: routes, users, errors, an orderly stop.
 *
 * Two users exist: the configured one, who may do all, and `default` with an empty password, the analyst. On
 * loopback the Host header must name this machine, so that no web page can reach the data by DNS rebinding.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIP } from "node:net";
import { finished } from "node:stream/promises";
import type { ChdbEngine } from "./chdb-engine.ts";
import type { ClickhouseConfig } from "./clickhouse-config.ts";
import { ClickhouseError } from "./clickhouse-error.ts";
import { QueryRunner } from "./clickhouse-query.ts";
import { equalSecrets, parseRequest } from "./clickhouse-request.ts";
import { type ResponseMeta, sendError, sendText } from "./clickhouse-response.ts";

export interface ClickhouseServer {
  readonly port: number;
  /**
   * Takes no more requests and lets the running ones end within `graceMs`; cancels them after that.
   * False if some run even so: then the engine cannot be closed.
   */
  stop(graceMs: number): Promise<boolean>;
}

/** As http_max_uri_size of ClickHouse: parameters travel in the URL. */
const URL_BYTES_MAX = 1024 * 1024;
const KEEP_ALIVE_MS = 30_000;
const CONNECTIONS_MAX = 1024;
/** How long cancelled queries may take to notice. */
const CANCEL_MS = 5000;
const LOOPBACK = /^(?:127\.|::1$|localhost$)/;

interface Served {
  readonly config: ClickhouseConfig;
  readonly runner: QueryRunner;
  readonly version: string;
  readonly timezone: string;
}

/** Listens. @throws Error with the code EADDRINUSE, EACCES or EPERM of the socket. */
export async function startClickhouseServer(
  engine: ChdbEngine,
  config: ClickhouseConfig,
  spoolDir: string,
): Promise<ClickhouseServer> {
  const [version = "", timezone = ""] = await describeEngine(engine);
  const served: Served = { config, runner: new QueryRunner(engine, config, spoolDir), version, timezone };
  const running = new Set<Promise<void>>();
  const server = createServer(
    { maxHeaderSize: URL_BYTES_MAX, keepAliveTimeout: KEEP_ALIVE_MS },
    (request, response) => {
      const done = answer(served, request, response);
      running.add(done);
      void done.finally(() => running.delete(done));
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  const port = await listen(server, config);
  return {
    port,
    async stop(graceMs) {
      server.close();
      server.closeIdleConnections();
      if (await settled(running, graceMs)) return true;
      server.closeAllConnections();
      await engine.cancelAll();
      return settled(running, CANCEL_MS);
    },
  };
}

/** Whether all requests end within `limitMs`. */
async function settled(running: ReadonlySet<Promise<void>>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, limitMs, false);
  });
  const done = Promise.allSettled(running).then(() => true);
  const isDone = await Promise.race([done, late]);
  clearTimeout(timer);
  return isDone;
}

async function describeEngine(engine: ChdbEngine): Promise<string[]> {
  const context = { database: "system", params: new Map(), settings: [], readonly: "strict" } as const;
  const { bytes } = await engine.withConnection(context, (connection) =>
    connection.query("SELECT version(), timezone()", "TSVRaw"),
  );
  return Buffer.from(bytes).toString().trim().split("\t");
}

function listen(server: Server, config: ClickhouseConfig): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(config.port, config.host, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : config.port);
    });
  });
}

/** Never rejects: whatever goes wrong becomes an answer. */
async function answer(served: Served, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  let meta: ResponseMeta = {
    queryId: "",
    format: "TabSeparated",
    timezone: served.timezone,
    version: served.version,
    encoding: undefined,
  };
  response.on("error", () => response.destroy());
  try {
    checkHost(incoming, served.config);
    const request = parseRequest(incoming);
    meta = { ...meta, queryId: request.queryId, encoding: request.encoding };
    if (request.path === "/ping" || request.path === "/replicas_status")
      return sendText(response, 200, "Ok.\n");
    if (request.path !== "/") return sendText(response, 404, `There is no handle ${request.path}\n`);
    if (isGreeting(incoming, request.query)) return sendText(response, 200, "Ok.\n");
    const exchange = { request, incoming, response, meta };
    if (roleOf(request, served.config) === "owner") await served.runner.runAsOwner(exchange);
    else await served.runner.runAsAnalyst(exchange);
  } catch (error) {
    sendError(response, error, meta);
  }
  await finished(response).catch(() => undefined); // a stop must not cut off an answer on its way
}

function isGreeting(incoming: IncomingMessage, query: string): boolean {
  return (incoming.method === "GET" || incoming.method === "HEAD") && query === "";
}

/** @throws ClickhouseError 516; the same for an unknown user as for a wrong password. */
function roleOf(
  request: { readonly user: string; readonly password: string },
  config: ClickhouseConfig,
): "owner" | "analyst" {
  const isOwner = equalSecrets(request.password, config.password);
  if (request.user === config.user && isOwner) return "owner";
  if (config.analyst.enabled && request.user === "default" && request.password === "") return "analyst";
  throw new ClickhouseError(
    516,
    `${request.user}: Authentication failed: password is incorrect, or there is no user with such name`,
  );
}

function checkHost(incoming: IncomingMessage, config: ClickhouseConfig): void {
  if (!LOOPBACK.test(config.host)) return;
  const host = (incoming.headers.host ?? "").replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  if (host === "" || host === "localhost" || host === config.host || isIP(host) !== 0) return;
  throw new ClickhouseError(516, "Authentication failed: the Host header does not name this server");
}
