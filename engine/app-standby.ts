/**
 * A control plane that works while it holds the lease on doing so: of several, one stores, ingests and trims, and the
 * others stand by. Two at once would store rows twice.
 */
import { runWithLease } from "../storage/lease.ts";
import { openStreams } from "../streams/connection.ts";
import { type ControlPlane, startControlPlane } from "./app-control-plane.ts";
import type { Config } from "./core/config.ts";
import type { Logger } from "./core/log.ts";
import type { ServiceUrls } from "./service-urls.ts";

/**
 * Returns at once; the control plane works as soon as the lease is free.
 * @throws EngineError SERVICE_UNAVAILABLE when NATS cannot be reached.
 */
export async function startStandby(config: Config, urls: ServiceUrls, logger: Logger): Promise<ControlPlane> {
  const connection = await openStreams(urls.nats, "millrace lease", logger);
  const stopping = new AbortController();
  const work = async (signal: AbortSignal): Promise<void> => {
    const plane = await startControlPlane(config, urls, logger);
    await untilAborted(signal);
    await plane.stop();
  };
  const lease = { connection: connection.nats, prefix: config.prefix, name: "control", logger };
  const running = runWithLease(lease, work, stopping.signal);
  running.catch((error: unknown) => {
    logger.fatal({ err: error }, "the control plane failed, starting over");
    process.exit(1);
  });
  return {
    stop: async () => {
      stopping.abort();
      await running;
      await connection.close();
    },
  };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
