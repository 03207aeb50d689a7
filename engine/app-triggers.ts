/**
 * Builds what requests retraining: on the data plane for people, on the control plane for the monitor and the schedules too.
 */
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { openJobStore } from "../storage/job-store.ts";
import { JobQueue } from "../streams/job-queue.ts";
import type { Publisher } from "../streams/publisher.ts";
import type { Topology } from "../streams/topology.ts";
import type { Logger } from "./core/log.ts";
import { startRetrainScheduler } from "./retraining/retrain-scheduler.ts";
import { Triggers } from "./retraining/triggers.ts";

const PAUSE_MS = 5_000;

export interface TriggersParts {
  readonly nats: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly publisher: Publisher;
  readonly topology: Topology;
  readonly logger: Logger;
}

export interface RunningTriggers {
  /** For the monitor: `triggers.propose` once a round and model. */
  readonly triggers: Triggers;
  /** Waits for the round under way. The connection is the caller's. */
  stop(): Promise<void>;
}

/** @throws EngineError SERVICE_UNAVAILABLE when the bucket of jobs cannot be opened. */
export async function openTriggers({ nats, logger, ...queue }: TriggersParts): Promise<Triggers> {
  return new Triggers({
    store: await openJobStore(nats, { prefix: queue.topology.prefix }),
    queue: new JobQueue(queue),
    logger: logger.child({ component: "retraining" }),
  });
}

/** With the schedules; on the control plane that holds the lease, though several would do no harm. */
export async function startTriggers(parts: TriggersParts): Promise<RunningTriggers> {
  const triggers = await openTriggers(parts);
  const logger = parts.logger.child({ component: "retraining" });
  const scheduler = startRetrainScheduler({ triggers, clock: () => Date.now(), pauseMs: PAUSE_MS, logger });
  return { triggers, stop: async () => scheduler.stop() };
}
