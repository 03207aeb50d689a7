/**
 * The ingester of a shared store in a thread of its own, beside the control plane's sinks: what they do in one piece, some
 * 100 ms for a large insert, would otherwise be added to the time from an event to its visibility.
 *
 *     control plane → worker thread: ready, progress every PROGRESS_MS → stop → exit
 *
 * A thread that fails takes its process with it, which comes back.
 */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { jetstream } from "@nats-io/jetstream";
import { openStreams } from "../streams/connection.ts";
import { Publisher } from "../streams/publisher.ts";
import { createTopology } from "../streams/topology.ts";
import type { RunningIngest, SharedUrls } from "./app-ingest.ts";
import type { Config } from "./core/config.ts";
import { createLogger, type Logger } from "./core/log.ts";
import type { IngestProgress } from "./features/feature-ingester.ts";

const PROGRESS_MS = 1_000;

interface ThreadData {
  readonly config: Config;
  readonly urls: SharedUrls;
}

/** @throws what the thread failed with before it was ready. */
export async function startIngestThread(
  config: Config,
  urls: SharedUrls,
  logger: Logger,
): Promise<RunningIngest> {
  const data: ThreadData = { config, urls };
  const thread = new Worker(fileURLToPath(import.meta.url), {
    workerData: data,
  });
  const [first] = (await once(thread, "message")) as [IngestProgress];
  let progress = first;
  let isStopping = false;
  thread.on("message", (next: IngestProgress) => {
    progress = next;
  });
  thread.on("error", (error) => logger.fatal({ err: error }, "the ingester failed"));
  thread.on("exit", () => {
    if (!isStopping) process.exit(1);
  });
  return {
    get progress() {
      return progress;
    },
    stop: async () => {
      isStopping = true;
      const exit = once(thread, "exit");
      thread.postMessage("stop");
      await exit;
    },
  };
}

async function runThread({ config, urls }: ThreadData): Promise<void> {
  const { startSharedIngest } = await import("./app-ingest.ts"); // for the thread alone
  const logger = createLogger(config.logLevel);
  const connection = await openStreams(urls.nats, "millrace ingester", logger);
  const client = jetstream(connection.nats);
  const parts = {
    nats: connection.nats,
    client,
    manager: await client.jetstreamManager(),
    publisher: new Publisher(connection.nats),
    topology: createTopology(config.prefix),
  };
  const ingest = await startSharedIngest(config, urls, parts, logger);
  const tell = (): void => parentPort?.postMessage(ingest.progress);
  const telling = setInterval(tell, PROGRESS_MS);
  tell();
  parentPort?.once("message", () => {
    clearInterval(telling);
    void ingest.stop().then(async () => {
      parts.publisher.close();
      await connection.close();
      process.exit(0); // ends the thread
    });
  });
}

if (!isMainThread) await runThread(workerData as ThreadData);
