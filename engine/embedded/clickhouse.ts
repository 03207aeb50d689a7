/**
 * The embedded ClickHouse: the real engine in a child process of ours that speaks ClickHouse's HTTP protocol.
 *
 * The child needs no guard: it ends when its IPC channel to the engine closes. Its address and login travel in
 * one environment variable, never on the command line, where other users could read the password. Data is in
 * `<dataDir>/clickhouse`, the password, made once, in `<dataDir>/clickhouse.password` (0600).
 */
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { EngineError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { type ChildState, type EmbeddedService, type StartedChild, superviseChild } from "./child.ts";
import { claimOwner, markOf, releaseOwner, updateOwner, waitForOwner } from "./owner-file.ts";
import { choosePort } from "./ports.ts";

export interface ClickHouseOptions {
  readonly dataDir: string;
  /** The port the user asked for; 0 for any free one. */
  readonly port?: number | undefined;
  /** Used when free and none was asked for. */
  readonly preferredPort?: number;
  readonly logger: Logger;
  /** Database that is made at start and open to analysts. */
  readonly database?: string | undefined;
  readonly onState?: (state: ChildState) => void;
  /** The compiled child program. */
  readonly program?: string;
}

/** What the child finds, as JSON, in MILLRACE_CLICKHOUSE_CHILD. */
export interface ClickHouseChildSettings {
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Made at start; analysts may read it. */
  readonly database?: string | undefined;
}

const CLICKHOUSE_PORT = 8123;
const HOST = "127.0.0.1";
/** Each running query of the child holds one; read by libuv when the process starts. */
const THREADS = "16";
const USER = "millrace";
const PROGRAM = fileURLToPath(new URL("../../storage/clickhouse-child.js", import.meta.url));

/**
 * Starts the child and returns once it says that it is ready.
 * @throws EngineError CONFLICT when the port or the data directory is taken, SERVICE_UNAVAILABLE otherwise.
 */
export async function startClickHouse(options: ClickHouseOptions): Promise<EmbeddedService> {
  const { logger, program = PROGRAM } = options;
  const dataDir = resolve(options.dataDir);
  const folder = join(dataDir, "clickhouse");
  const ownerFile = join(dataDir, "clickhouse.pid"); // not in the folder, which belongs to the engine inside
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await waitForOwner(ownerFile); // before the port is chosen: a dying owner still holds it
  const port = await choosePort({
    preferred: options.preferredPort ?? CLICKHOUSE_PORT,
    asked: options.port,
    variable: "MILLRACE_CLICKHOUSE_PORT",
  });
  await claimOwner(ownerFile, { guard: markOf(process.pid) });
  const password = keptPassword(join(dataDir, "clickhouse.password"));
  const settings: ClickHouseChildSettings = {
    dataDir: folder,
    host: HOST,
    port,
    user: USER,
    password,
    database: options.database,
  };
  const release = () => releaseOwner(ownerFile, process.pid);
  const child = await superviseChild({
    name: "clickhouse",
    logger,
    onState: options.onState,
    start: () => startChild(program, settings, ownerFile),
  }).catch((error: unknown) => {
    release();
    throw error;
  });
  logger.info({ port, folder, servicePid: child.pid() }, "clickhouse started");
  return {
    name: "clickhouse",
    url: `http://${USER}:${password}@${HOST}:${port}`,
    get state() {
      return child.state;
    },
    pid: () => child.pid(),
    stop: () => child.stop().finally(release),
  };
}

function startChild(program: string, settings: ClickHouseChildSettings, ownerFile: string): StartedChild {
  const child = fork(program, {
    detached: true,
    execArgv: [],
    env: { ...process.env, MILLRACE_CLICKHOUSE_CHILD: JSON.stringify(settings), UV_THREADPOOL_SIZE: THREADS },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  if (child.pid !== undefined) {
    updateOwner(ownerFile, { guard: markOf(process.pid), child: markOf(child.pid) });
  }
  const isReady = new Promise<void>((resolve) => {
    child.on("message", (message) => {
      if (typeof message === "object" && "type" in message && message.type === "ready") resolve();
    });
  });
  return {
    process: child,
    ready: (signal) => Promise.race([isReady, aborted(signal)]),
    servicePid: () => (child.exitCode === null && child.signalCode === null ? child.pid : undefined),
    refusal: () => undefined,
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function keptPassword(file: string): string {
  try {
    writeFileSync(file, randomBytes(24).toString("base64url"), { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  const password = readFileSync(file, "utf8").trim();
  if (password !== "") return password;
  throw new EngineError("SERVICE_UNAVAILABLE", `${file} is empty: remove it, a new password is made then`);
}
