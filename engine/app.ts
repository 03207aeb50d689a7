/**
 * `millrace serve`: the services that are not given as URLs are started, then the planes.
 *
 *     embedded NATS, ClickHouse, Redis → data plane (this process) and control plane (a child) → ready
 *
 * Stopping goes the other way. A child that dies comes back; when this process dies, even by kill -9, all go.
 */
import { setTimeout as delay } from "node:timers/promises";
import { startControlChild } from "./app-control-child.ts";
import type { ControlPlane } from "./app-control-plane.ts";
import type { DataPlane } from "./app-data-plane.ts";
import type { Config } from "./core/config.ts";
import { EngineError } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import type { Role } from "./core/roles.ts";
import { PRODUCTION } from "./core/version-state.ts";
import { startClickHouse } from "./embedded/clickhouse.ts";
import { startNatsServer } from "./embedded/nats-server.ts";
import { choosePort } from "./embedded/ports.ts";
import { startRedisServer } from "./embedded/redis-server.ts";
import type { ServiceUrls } from "./service-urls.ts";

const HTTP_PORT = 8080;
const GRPC_PORT = 8001;
const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 10;

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
  const services: Stoppable[] = [];
  let dataPlane: DataPlane | undefined;
  let controlPlane: Stoppable | undefined;
  const stop = async (): Promise<void> => {
    await dataPlane?.stop();
    await controlPlane?.stop();
    await Promise.all(services.map(async (service) => service.stop()));
  };
  try {
    const urls = startServices(config, services, logger);
    const startData = async (): Promise<void> => {
      dataPlane = await startDataPlane(config, urls, logger);
    };
    const startControl = async (): Promise<void> => {
      const start = roles.includes("data") ? startControlChild : startStandby;
      controlPlane = await start(config, urls, logger);
    };
    await settled([
      urls,
      roles.includes("data") ? startData() : undefined,
      roles.includes("control") ? startControl() : undefined,
    ]);
    return { urls: await urls, dataPlane, stop };
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
  const isModelDue = (await registry.list()).some(({ aliases }) => PRODUCTION in aliases);
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
  const [nats, clickhouse, redis] = await settled([
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
  return { nats, clickhouse, redis };
}

/** What all of it came to, once none of it is under way any more. @throws the first failure, in the order given. */
async function settled<T extends readonly unknown[]>(
  work: readonly [...T],
): Promise<{ -readonly [Index in keyof T]: Awaited<T[Index]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

async function startDataPlane(
  config: Config,
  urls: Promise<ServiceUrls>,
  logger: Logger,
): Promise<DataPlane> {
  const code = await import("./app-data-plane.ts"); // while the services start
  const found = await urls;
  const host = config.httpHost;
  const httpPort = await choosePort({
    preferred: HTTP_PORT,
    asked: config.httpPort,
    variable: "MILLRACE_HTTP_PORT",
    host,
  });
  const grpcPort = await choosePort({
    preferred: GRPC_PORT,
    asked: config.grpcPort,
    variable: "MILLRACE_GRPC_PORT",
    host,
  });
  return code.startDataPlane({ ...config, httpPort, grpcPort }, found, logger);
}

async function startStandby(
  config: Config,
  urls: Promise<ServiceUrls>,
  logger: Logger,
): Promise<ControlPlane> {
  const code = await import("./app-standby.ts"); // while the services start
  return code.startStandby(config, await urls, logger);
}
