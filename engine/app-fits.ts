/**
 * Builds the external trainers of a training process: its way to NATS, where processes of other languages take fits.
 */
import { jetstream } from "@nats-io/jetstream";
import { openFitStore } from "../storage/fit-store.ts";
import { openStreams } from "../streams/connection.ts";
import { FitQueue } from "../streams/fit-queue.ts";
import { createTopology } from "../streams/topology.ts";
import { externalTrainers } from "../workers/train/external/external-trainer.ts";
import type { RegisteredTrainer } from "../workers/train/trainers.ts";
import { isExternalType } from "./core/fit-task.ts";
import { createLogger } from "./core/log.ts";
import { createExternalFit } from "./train/external-fit.ts";
import type { TrainingTask } from "./train/training-task.ts";

export interface Fits {
  /** None for a task that needs none: then NATS is not asked. */
  readonly trainers: ReadonlyMap<string, RegisteredTrainer>;
  close(): Promise<void>;
}

/** @throws EngineError SERVICE_UNAVAILABLE when NATS cannot be reached. */
export async function openFits({ spec, request, fits }: TrainingTask): Promise<Fits> {
  if (fits === undefined || !isExternalType(spec["model_type"]))
    return { trainers: new Map(), close: async () => undefined };
  const { natsUrl, prefix } = fits;
  const { nats, close } = await openStreams(natsUrl, "millrace training", createLogger("silent"));
  const client = jetstream(nats);
  const queue = new FitQueue({
    client,
    manager: await client.jetstreamManager(),
    topology: createTopology(prefix),
  });
  const { job_id: jobId, model_name: modelName, deadline } = request;
  const store = await openFitStore(nats, { prefix });
  return {
    trainers: externalTrainers(createExternalFit({ store, queue, jobId, modelName, deadline })),
    close,
  };
}
