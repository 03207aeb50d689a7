/**
 * `millrace serve`: the services that are not given as URLs are started, then the planes.
 *
 *     embedded NATS, ClickHouse, Redis → data plane (this process) and control plane (a child) → ready
 *
 * Stopping goes the other way. A child that dies comes back; when this process dies, even by kill -9, all go.
 */
import { fork } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type DataPlane, startDataPlane } from "./app-data-plane.ts";
import { startStandby } from "./app-standby.ts";
import type { Config } from "./core/config.ts";
import { EngineError } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import type { Role } from "./core/roles.ts";
import { type StartedChild, type SupervisedChild, superviseChild } from "./embedded/child.ts";
import { startClickHouse } from "./embedded/clickhouse.ts";
import { startNatsServer } from "./embedded/nats-server.ts";
import { choosePort } from "./embedded/ports.ts";
import { startRedisServer } from "./embedded/redis-server.ts";
import { DEFAULT_ALIAS } from "./models.ts";
import type { ServiceUrls } from "./service-urls.ts";

const HTTP_PORT = 8080;
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 10;
const CLI = fileURLToPath(new URL("./cli.js", import.meta.url));

export interface Engine {
  readonly urls: ServiceUrls;
  /** Undefined where the data role is not played. */
  readonly dataPlane: DataPlane | undefined;
  stop(): Promise<void>;
}

interface Stoppable {
  stop(): Promise<void>;
}

/** @throws EngineError SERVICE_UNAVAILABLE, CONFLICT (port or data folder in use); what was started is stopped then. */
export async function startEngine(config: Config, roles: readonly Role[], logger: Logger): Promise<Engine> {
  const started: Stoppable[] = [];
  const stop = async (): Promise<void> => {
    while (started.length > 0) await started.pop()?.stop();
  };
  try {
    const urls = await startServices(config, started, logger);
    let dataPlane: DataPlane | undefined;
    if (roles.includes("data")) {
      const port = await choosePort({
        preferred: HTTP_PORT,
        asked: config.httpPort,
        variable: "MILLRACE_HTTP_PORT",
        host: config.httpHost,
      });
      const [plane] = await Promise.all([
        startDataPlane({ ...config, httpPort: port }, urls, logger),
        roles.includes("control")
          ? startControlChild(config, urls, logger).then((child) => started.push(child))
          : undefined,
      ]);
      dataPlane = plane;
      started.push(plane);
    } else {
      started.push(await startStandby(config, urls, logger));
    }
    return { urls, dataPlane, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Waits until the data plane answers `ready`, or would but for a model: there may be none yet, or one that cannot be
 * loaded, and both are mended through the running engine.
 * @throws EngineError NOT_READY naming what is missing.
 */
export async function untilReady(
  { readiness, registry, models }: DataPlane,
  timeoutMs: number = READY_TIMEOUT_MS,
): Promise<void> {
  const isModelDue = (await registry.list()).some(({ aliases }) => DEFAULT_ALIAS in aliases);
  const giveUpMs = performance.now() + timeoutMs;
  for (;;) {
    const { ready, components } = readiness.health();
    if (ready) return;
    const missing = Object.keys(components).filter((name) => components[name] === "down");
    const isModelLacking = !isModelDue || models.problems().size > 0;
    if (isModelLacking && missing.every((name) => name === "models")) return;
    if (performance.now() > giveUpMs)
      throw new EngineError("NOT_READY", `not ready after ${timeoutMs} ms: ${missing.join(", ")} missing`);
    await delay(READY_POLL_MS);
  }
}

/** Starts what has no URL, all at once; adds what it started to `started`. */
async function startServices(config: Config, started: Stoppable[], logger: Logger): Promise<ServiceUrls> {
  const { dataDir } = config;
  const log = logger.child({ component: "embedded" });
  const keep = <T extends Stoppable | undefined>(service: T): T => {
    if (service !== undefined) started.push(service);
    return service;
  };
  const results = await Promise.allSettled([
    config.natsUrl ??
      startNatsServer({ dataDir, port: config.natsPort, logger: log }).then((service) => keep(service).url),
    config.clickhouseUrl ??
      startClickHouse({ dataDir, port: config.clickhousePort, database: config.database, logger: log }).then(
        (service) => keep(service).url,
      ),
    config.redisUrl ??
      startRedisServer({ dataDir, port: config.redisPort, logger: log }).then(
        (service) => keep(service)?.url,
      ),
  ]);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  const [nats, clickhouse, redis] = results.map((result) =>
    result.status === "fulfilled" ? result.value : undefined,
  );
  return { nats: nats as string, clickhouse: clickhouse as string, redis };
}

/** The control plane as a child of this process, on the same services. */
async function startControlChild(
  config: Config,
  urls: ServiceUrls,
  logger: Logger,
): Promise<SupervisedChild> {
  const env = {
    ...process.env,
    NATS_URL: urls.nats,
    CLICKHOUSE_URL: urls.clickhouse,
    ...(config.clickhouseUrl === undefined
      ? { MILLRACE_CLICKHOUSE_ANALYST_URL: withoutUser(urls.clickhouse) }
      : {}),
    ...(urls.redis === undefined ? {} : { REDIS_URL: urls.redis }),
    MILLRACE_CONTROL_CHILD: "1",
  };
  return superviseChild({
    name: "control plane",
    logger: logger.child({ component: "embedded" }),
    start: () => toChild(env),
  });
}

/** Of the embedded ClickHouse, whoever gives no name may only read. */
function withoutUser(address: string): string {
  const url = new URL(address);
  url.username = "";
  url.password = "";
  return url.href;
}

function toChild(env: NodeJS.ProcessEnv): StartedChild {
  const child = fork(CLI, ["serve", "--roles", "control"], {
    detached: true,
    execArgv: ["--max-semi-space-size=64"], // as the data plane's: events and rows live short
    env,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  child.stderr?.pipe(process.stderr, { end: false });
  const ready = new Promise<void>((resolve) => child.once("message", () => resolve()));
  return {
    process: child,
    ready: async (signal) =>
      Promise.race([
        ready,
        new Promise<never>((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
        ),
      ]),
    servicePid: () => child.pid,
    refusal: () => undefined,
  };
}
