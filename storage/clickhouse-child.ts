/**
 * The process of the embedded ClickHouse: configuration in, engine up, HTTP up, "ready" out.
 *
 * Lives as long as its parent: when the IPC channel closes, by whatever death, it stops. A stop, also by SIGTERM,
 * lets running queries end in time and cancels the rest, then gives the data directory back. Failures at start are one clear
 * line on stderr and an exit code of CLICKHOUSE_EXIT.
 */
import { readFileSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { giveWay } from "../engine/core/background-priority.ts";
import { ChdbEngine, quotedName } from "./chdb-engine.ts";
import { CLICKHOUSE_EXIT, type ClickhouseConfig, clickhouseConfig } from "./clickhouse-config.ts";
import { ClickhouseError } from "./clickhouse-error.ts";
import { type ClickhouseServer, startClickhouseServer } from "./clickhouse-http.ts";

/** Running queries may take this long when asked to stop, and when nobody is left to ask. */
const GRACE_MS = 20_000;
const ORPHAN_GRACE_MS = 2000;

await main();

async function main(): Promise<void> {
  giveWay();
  const config = readConfig();
  const stops = new Promise<number>((resolve) => {
    const stop = () => resolve(GRACE_MS);
    const orphan = () => resolve(ORPHAN_GRACE_MS);
    // on, not once: a second signal must not kill a stop that is under way
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
    process.once("disconnect", orphan);
    if (process.send !== undefined && !process.connected) orphan(); // the parent died before we listened
  });
  try {
    const spoolDir = await makeSpoolDir(config.dataDir);
    const engine = openEngine(config);
    await createDatabase(engine, config.database);
    const server = await startClickhouseServer(engine, config, spoolDir);
    process.send?.({ type: "ready", port: server.port });
    await stop(server, engine, spoolDir, await stops);
  } catch (error) {
    fail(error, config);
  }
}

async function stop(
  server: ClickhouseServer,
  engine: ChdbEngine,
  spoolDir: string,
  graceMs: number,
): Promise<never> {
  const isIdle = await server.stop(graceMs);
  // An engine at work can be neither closed nor left: exit would wait for its threads. Its data bear a kill.
  if (!isIdle) process.kill(process.pid, "SIGKILL");
  engine.close();
  rmSync(spoolDir, { recursive: true, force: true }); // made anew at the next start
  process.exit(CLICKHOUSE_EXIT.stopped);
}

function readConfig(): ClickhouseConfig {
  try {
    const config = clickhouseConfig.parse(JSON.parse(process.env.MILLRACE_CLICKHOUSE_CHILD ?? ""));
    delete process.env.MILLRACE_CLICKHOUSE_CHILD; // it holds the password
    return { ...config, dataDir: resolve(config.dataDir) };
  } catch (error) {
    // The message may quote the configuration, and with it the password: name the fields only.
    const issues = (error as { issues?: { path: PropertyKey[]; message: string }[] }).issues;
    const text = issues?.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
    return exit(CLICKHOUSE_EXIT.badConfig, `MILLRACE_CLICKHOUSE_CHILD is wrong: ${text ?? "not JSON"}`);
  }
}

/** Where bodies lie until the engine has read them. What an earlier process left there is removed. */
async function makeSpoolDir(dataDir: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  // The engine takes these characters in a path for a pattern, and a pattern without a match for an empty insert.
  if (/[*?{}[\]]/.test(dataDir)) return mkdtemp(join(tmpdir(), "millrace-spool-"));
  const spoolDir = join(dataDir, "spool");
  await mkdir(spoolDir, { recursive: true, mode: 0o700 });
  for (const name of await readdir(spoolDir)) await rm(join(spoolDir, name), { force: true });
  return spoolDir;
}

function openEngine(config: ClickhouseConfig): ChdbEngine {
  try {
    return new ChdbEngine(join(config.dataDir, "data"), config);
  } catch (error) {
    const holder = lockHolder(join(config.dataDir, "data", "status"));
    if (holder !== undefined) {
      const line = `the data directory ${config.dataDir} is in use by process ${holder}; stop it or choose another`;
      return exit(CLICKHOUSE_EXIT.dataDirLocked, line);
    }
    if (error instanceof ClickhouseError) throw error;
    return exit(CLICKHOUSE_EXIT.engineMissing, `the engine does not load: ${(error as Error).message}`);
  }
}

/**
 * The process that holds the engine's lock on the directory, by the status file it writes there. The engine tells
 * the reason on stderr only, not in its error.
 */
function lockHolder(statusFile: string): number | undefined {
  try {
    const pid = Number(/^PID: (\d+)/.exec(readFileSync(statusFile, "utf8"))?.[1]);
    if (!(pid > 0) || pid === process.pid) return undefined;
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined; // no such file, or no such process
  }
}

async function createDatabase(engine: ChdbEngine, database: string): Promise<void> {
  const context = { database: "system", params: new Map(), settings: [], readonly: "no" } as const;
  await engine.withConnection(context, (connection) =>
    connection.query(`CREATE DATABASE IF NOT EXISTS ${quotedName(database)}`, "Null"),
  );
}

function fail(error: unknown, config: ClickhouseConfig): never {
  const { code, message } = error as { code?: unknown; message: string };
  if (code === "EADDRINUSE") {
    exit(CLICKHOUSE_EXIT.portTaken, `port ${config.port} on ${config.host} is taken; choose another port`);
  }
  if (code === "EACCES" || code === "EPERM" || /Permission denied|Operation not permitted/i.test(message)) {
    exit(CLICKHOUSE_EXIT.notPermitted, `not permitted: ${message}`);
  }
  exit(CLICKHOUSE_EXIT.failed, message);
}

function exit(code: number, line: string): never {
  process.stderr.write(`embedded ClickHouse: ${line.replace(/\s*\n\s*/g, " ")}\n`);
  process.exit(code);
}
