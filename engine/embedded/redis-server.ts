/**
 * The embedded Redis: redis-server from PATH on loopback, data in `<dataDir>/redis`.
 *
 * It keeps an append-only file, which the system writes to disk in its own time: what a power cut takes from its end, states
 * and position alike, is read from the stream again. It never evicts: features are data, not a cache. Where
 * there is no redis-server 7 or newer, nothing is started and the caller falls back to the in-process store.
 */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Logger } from "../core/log.ts";
import { type ChildState, type EmbeddedService, superviseChild } from "./child.ts";
import { type Environment, findOnPath, versionOf } from "./executables.ts";
import { startGuarded } from "./guarded.ts";
import { waitForOwner } from "./owner-file.ts";
import { choosePort } from "./ports.ts";
import { waitForAnswer } from "./readiness.ts";
import { startWithConfig, writeServerConfig } from "./server-config.ts";

export interface RedisServerOptions {
  readonly dataDir: string;
  /** The port the user asked for; 0 for any free one. */
  readonly port?: number | undefined;
  /** Used when free and none was asked for. */
  readonly preferredPort?: number;
  readonly logger: Logger;
  readonly onState?: (state: ChildState) => void;
  readonly env?: Environment;
}

const REDIS_PORT = 6379;
const REDIS_MAJOR_MIN = 7;

/**
 * Starts redis-server and returns once it has loaded its data; undefined when this machine has none.
 * @throws EngineError CONFLICT when the port or the data directory is taken, SERVICE_UNAVAILABLE otherwise.
 */
export async function startRedisServer(options: RedisServerOptions): Promise<EmbeddedService | undefined> {
  const { logger, env = process.env } = options;
  const command = await findRedisServer(env, logger);
  if (command === undefined) return undefined;
  const folder = join(resolve(options.dataDir), "redis");
  const ownerFile = join(folder, "millrace.pid");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await waitForOwner(ownerFile); // before the port is chosen: a dying owner still holds it
  const port = await choosePort({
    preferred: options.preferredPort ?? REDIS_PORT,
    asked: options.port,
    variable: "MILLRACE_REDIS_PORT",
  });
  const config = writeServerConfig(folder, configuration(folder, port));
  const child = await startWithConfig(folder, config, () =>
    superviseChild({
      name: "redis-server",
      logger,
      onState: options.onState,
      start: () =>
        startGuarded({
          command,
          args: [config],
          ownerFile,
          ready: (signal, pid) => ready(port, pid, signal),
        }),
    }),
  );
  logger.info({ port, folder, servicePid: child.pid() }, "redis-server started");
  return {
    name: "redis",
    url: `redis://127.0.0.1:${port}`,
    get state() {
      return child.state;
    },
    pid: () => child.pid(),
    stop: () => child.stop(),
  };
}

async function findRedisServer(env: Environment, logger: Logger): Promise<string | undefined> {
  const file = findOnPath("redis-server", env);
  if (file === undefined) {
    logger.info("no redis-server on PATH: features are kept in the process");
    return undefined;
  }
  const version = await versionOf(file);
  if (version !== undefined && version.major >= REDIS_MAJOR_MIN) return file;
  logger.info(
    { file, version: version?.text },
    "redis-server is older than 7: features are kept in the process",
  );
  return undefined;
}

function configuration(folder: string, port: number): readonly string[] {
  return [
    "bind 127.0.0.1",
    `port ${port}`,
    `dir ${JSON.stringify(folder)}`,
    "daemonize no",
    'logfile ""',
    'save ""',
    "appendonly yes",
    "appendfsync no",
    "maxmemory-policy noeviction",
  ];
}

/** PING says that the data is loaded, the process id that it is our server which answers on the port. */
function ready(port: number, pid: () => number | undefined, signal: AbortSignal): Promise<void> {
  const fits = (answer: string) =>
    answer.startsWith("+PONG") && new RegExp(`process_id:${pid()}\\r\\n`).test(answer);
  return waitForAnswer({ port, question: "PING\r\nINFO server\r\n", fits }, signal);
}
