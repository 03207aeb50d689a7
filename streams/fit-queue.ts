/**
 * Fits on their way to external trainers: the work queue `<prefix>.fits.<model_type>`, with one consumer a type that all trainers of the
 * type share, so each fit goes to one of them.
 *
 *     published ─▶ pulled, `+WPI` within ACK_WAIT_MS ─▶ acknowledged (gone)
 *                     └─ its trainer dies: comes again after ACK_WAIT_MS, for another; DELIVERIES_MAX times
 *
 * Bounds: those of the stream (topology); HELD_MAX fits under way a type.
 */
import { AckPolicy, DeliverPolicy, type JetStreamClient, type JetStreamManager } from "@nats-io/jetstream";
import { EXTERNAL_TYPES, type ExternalType, type FitTask } from "../engine/core/fit-task.ts";
import type { Topology } from "./topology.ts";

const ACK_WAIT_MS = 30_000;
/** A fit that kills its trainers kills no more than these. */
const DELIVERIES_MAX = 5;
const HELD_MAX = 64;

export interface FitQueueParts {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly topology: Topology;
  /** After how long without a word a fit goes to another trainer, ms. */
  readonly ackWaitMs?: number;
}

export class FitQueue {
  readonly #parts: FitQueueParts;

  constructor(parts: FitQueueParts) {
    this.#parts = parts;
  }

  /** Makes the consumers that trainers pull from. @throws the client's error */
  async ensureConsumers(): Promise<void> {
    const { manager, topology, ackWaitMs = ACK_WAIT_MS } = this.#parts;
    for (const type of EXTERNAL_TYPES)
      await manager.consumers.add(topology.fitsStream, {
        durable_name: consumerOf(type),
        filter_subject: topology.fitsSubject(consumerOf(type)),
        ack_policy: AckPolicy.Explicit,
        deliver_policy: DeliverPolicy.All,
        ack_wait: ackWaitMs * 1_000_000,
        max_deliver: DELIVERIES_MAX,
        max_ack_pending: HELD_MAX,
      });
  }

  /** Stores the fit, once however often it is tried. @throws the client's error */
  async publish(task: FitTask): Promise<void> {
    const { client, topology } = this.#parts;
    const subject = topology.fitsSubject(consumerOf(task.model_type));
    await client.publish(subject, JSON.stringify(task), { msgID: task.fit_id });
  }

  /** Whether a trainer of the type asks for work, or does some. @throws the client's error */
  async isWorkedOn(type: ExternalType): Promise<boolean> {
    const { manager, topology } = this.#parts;
    const { num_waiting, num_ack_pending } = await manager.consumers.info(
      topology.fitsStream,
      consumerOf(type),
    );
    return num_waiting + num_ack_pending > 0;
  }
}

/** Also the last token of the subject. */
function consumerOf(type: ExternalType): string {
  return type.toLowerCase();
}
