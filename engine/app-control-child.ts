/**
 * The control plane as a child of the data plane's process: `millrace serve --roles control`, which loads its code while the
 * services still start, and works once it is told where they are.
 *
 *     forked ─▶ code loaded ─▶ told of the services ─▶ stands by for the lease: ready ─▶ SIGTERM, or its parent is gone
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Config } from "./core/config.ts";
import type { Logger } from "./core/log.ts";
import { type StartedChild, type SupervisedChild, superviseChild } from "./embedded/child.ts";
import type { ServiceUrls } from "./service-urls.ts";

const CLI = fileURLToPath(new URL("./cli.js", import.meta.url));
/** The services' own deadline, while which it waits for them, and as much again. */
const READY_TIMEOUT_MS = 120_000;

/** Variables of the environment that say where the services are. */
type ServiceEnv = Readonly<Record<string, string>>;

/** @throws EngineError SERVICE_UNAVAILABLE, also when the services do not come. */
export async function startControlChild(
  config: Config,
  urls: Promise<ServiceUrls>,
  logger: Logger,
): Promise<SupervisedChild> {
  const services = urls.then((found) => toEnv(config, found));
  return superviseChild({
    name: "control plane",
    logger: logger.child({ component: "embedded" }),
    start: () => toChild(services),
    readyTimeoutMs: READY_TIMEOUT_MS,
  });
}

/** In the child: waits until its parent says where the services are, and sets that in the environment. */
export async function untilServicesAreKnown(): Promise<void> {
  const [services] = (await once(process, "message")) as [ServiceEnv];
  Object.assign(process.env, services);
}

function toEnv({ clickhouseUrl }: Config, { nats, clickhouse, redis }: ServiceUrls): ServiceEnv {
  return {
    NATS_URL: nats,
    CLICKHOUSE_URL: clickhouse,
    ...(clickhouseUrl === undefined ? { MILLRACE_CLICKHOUSE_ANALYST_URL: withoutUser(clickhouse) } : {}),
    ...(redis === undefined ? {} : { REDIS_URL: redis }),
  };
}

/** Of the embedded ClickHouse, whoever gives no name may only read. */
function withoutUser(address: string): string {
  const url = new URL(address);
  url.username = "";
  url.password = "";
  return url.href;
}

function toChild(services: Promise<ServiceEnv>): StartedChild {
  const child = fork(CLI, ["serve", "--roles", "control"], {
    detached: true,
    execArgv: ["--max-semi-space-size=64"], // as the data plane's: events and rows live short
    env: { ...process.env, MILLRACE_CONTROL_CHILD: "1" },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  child.stderr?.pipe(process.stderr, { end: false });
  const told = services.then((env) => {
    child.send(env, () => undefined); // one that is gone already is started again
  });
  const ready = new Promise<void>((resolve) => child.once("message", () => resolve()));
  return {
    process: child,
    ready: async (signal) =>
      Promise.race([
        told.then(async () => ready),
        new Promise<never>((_, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason), { once: true }),
        ),
      ]),
    servicePid: () => child.pid,
    refusal: () => undefined,
  };
}
