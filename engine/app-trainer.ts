/**
 * Builds the trainer of a control plane: jobs in from their queue, each trained in a process of its own, new versions out to the registry.
 */
import { fileURLToPath } from "node:url";
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { ClickHouse } from "../storage/clickhouse.ts";
import { type FitStore, openFitStore } from "../storage/fit-store.ts";
import { openJobStore } from "../storage/job-store.ts";
import type { ModelRegistry } from "../storage/model-registry.ts";
import { TrainingHistory } from "../storage/training-history.ts";
import { openTrainingStore } from "../storage/training-store.ts";
import { FitQueue } from "../streams/fit-queue.ts";
import { JobQueue } from "../streams/job-queue.ts";
import { JobReader } from "../streams/job-reader.ts";
import type { Publisher } from "../streams/publisher.ts";
import type { Topology } from "../streams/topology.ts";
import { openLoadingRegistry } from "./app-registry.ts";
import { createConclusion } from "./app-training-conclusion.ts";
import type { Config } from "./core/config.ts";
import { EngineError, messageOf } from "./core/errors.ts";
import { isExternalType } from "./core/fit-task.ts";
import type { Logger } from "./core/log.ts";
import type { TrainingJob } from "./core/training-job.ts";
import { PRODUCTION } from "./core/version-state.ts";
import type { ServiceUrls } from "./service-urls.ts";
import { JobRunner } from "./train/job-runner.ts";
import { type RegisteredModel, toTrainingTask } from "./train/training-order.ts";
import { trainInProcess } from "./train/training-process.ts";
import type { TrainingTask } from "./train/training-task.ts";
import { VERSION } from "./version.ts";

const PROCESS = fileURLToPath(new URL("./app-training-process.js", import.meta.url));

export interface TrainerParts {
  readonly config: Config;
  readonly urls: ServiceUrls;
  readonly nats: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly publisher: Publisher;
  readonly topology: Topology;
  readonly clickhouse: ClickHouse;
  readonly logger: Logger;
}

/** @throws EngineError SERVICE_UNAVAILABLE when a bucket cannot be opened. */
export async function startTrainer(parts: TrainerParts): Promise<{ stop(): Promise<void> }> {
  const { config, nats, client, manager, topology, clickhouse, urls } = parts;
  const { prefix, database } = config;
  const logger = parts.logger.child({ component: "trainer" });
  const jobs = await openJobStore(nats, { prefix });
  const registry = await openLoadingRegistry(config, nats);
  const history = new TrainingHistory(clickhouse, database);
  const queue = new JobQueue(parts);
  const fits = await openFitStore(nats, { prefix });
  await new FitQueue(parts).ensureConsumers();
  const reader = new JobReader({ client, manager, topology });
  const runner = new JobRunner({
    reader,
    jobs,
    documents: await openTrainingStore(nats, { prefix }),
    prepare: async (request, document) => {
      const model = await registered(registry, request.model_name);
      const { training: standing } = await jobs.read(request.model_name);
      const order = {
        request,
        document,
        standing,
        model,
        codeVersion: VERSION,
        clickhouseUrl: urls.clickhouse,
        analystUrl: config.clickhouseAnalystUrl ?? urls.clickhouse,
        database,
      };
      return { ...toTrainingTask(order), fits: { natsUrl: urls.nats, prefix } };
    },
    train: async (task, onNews, signal) =>
      endingFits({ fits, logger }, task, async () =>
        trainInProcess({ module: PROCESS, memoryBytesMax: config.trainingBytesMax }, task, onNews, signal),
      ),
    ...(await createConclusion(parts, registry)),
    tell: async (job) => {
      await history.keep(job);
      await queue.publishEvent("model_training_completed", `${job.job_id}.completed`, toEvent(job));
    },
    clock: () => Date.now(),
    logger,
  });
  const stopping = new AbortController();
  const running = Promise.all(
    Array.from({ length: config.trainers }, async () => runner.run(stopping.signal)),
  );
  return {
    stop: async () => {
      stopping.abort();
      reader.stop();
      await running;
    },
  };
}

/** External trainers stop working for attempts that have ended, however they ended: a process that is killed cannot tell them. */
async function endingFits<T>(
  { fits, logger }: { readonly fits: Pick<FitStore, "withdraw">; readonly logger: Logger },
  { spec, request }: TrainingTask,
  train: () => Promise<T>,
): Promise<T> {
  if (!isExternalType(spec["model_type"])) return train();
  const jobId = request.job_id;
  await fits.withdraw(jobId);
  try {
    return await train();
  } finally {
    await fits.withdraw(jobId).catch((error: unknown) => {
      logger.warn({ jobId, err: messageOf(error) }, "fits of a job could not be withdrawn and end by age");
    });
  }
}

/** What the registry has of a model that is to be trained. */
async function registered(registry: ModelRegistry, name: string): Promise<RegisteredModel | undefined> {
  try {
    const { versions, aliases, records } = await registry.show(name);
    const manifests = records.map(({ manifest }) => manifest);
    const version = aliases[PRODUCTION]?.version;
    const digest = records.find(({ manifest }) => manifest.version === version)?.digest;
    if (version === undefined || digest === undefined) return { versions, manifests, champion: undefined };
    return { versions, manifests, champion: { ...(await registry.load(name, version)), digest } };
  } catch (error) {
    if (error instanceof EngineError && error.code === "MODEL_NOT_FOUND") return undefined;
    throw error;
  }
}

function toEvent({ logs: _logs, trials, ...job }: TrainingJob): Record<string, unknown> {
  return { ...job, trials: trials.length };
}
