/**
 * Retraining jobs out of their work queue, one at a time: several trainers share one consumer, and each job goes to one of them.
 *
 *     next() ─▶ held, `working` told every third of ack_wait ─▶ done (gone) │ later (comes again after a delay) │ left (another's)
 *                └─ its trainer dies: comes again after ack_wait, for another
 *
 * The server takes an acknowledgement from whoever held the message once: who was frozen, and finds that another has the job, must
 * not acknowledge it, or it would be gone when that one dies.
 * Bound: one job held.
 */
import {
  AckPolicy,
  type Consumer,
  type ConsumerMessages,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
} from "@nats-io/jetstream";
import type { Topology } from "./topology.ts";

export const TRAINERS_CONSUMER = "trainers";
const ACK_WAIT_MS = 15_000;
const TOUCHES = 3;
/** The server answers a pull that found nothing after this. */
const EXPIRES_MS = 2_000;
const HELD_MAX = 64;

export interface JobReaderOptions {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly topology: Topology;
  /** After how long without a word a job goes to another trainer, ms. */
  readonly ackWaitMs?: number;
}

/** A job that this trainer holds; settled once, by `done`, `later` or `leave`. */
export interface HeldJob {
  readonly model: string;
  /** JSON, not checked yet. */
  readonly data: Uint8Array;
  /** How often it was delivered, from 1. */
  readonly deliveries: number;
  /** It never comes again. Waits until the server knows. */
  done(): Promise<void>;
  /** It comes again, to anybody, after the delay. */
  later(delayMs: number): void;
  /** Another trainer has it by now: nothing more is said of it here. */
  leave(): void;
}

export class JobReader {
  readonly #options: JobReaderOptions;
  #consumer: Consumer | undefined;
  readonly #pulls = new Set<ConsumerMessages>();
  #isStopped = false;

  constructor(options: JobReaderOptions) {
    this.#options = options;
  }

  /**
   * The next job, or undefined when none has come within two seconds, or until it was stopped.
   * @throws the client's error; the next call starts over.
   */
  async next(): Promise<HeldJob | undefined> {
    try {
      this.#consumer ??= await this.#open();
      const message = await this.#pull(this.#consumer);
      return message === undefined ? undefined : this.#held(message);
    } catch (error) {
      this.#consumer = undefined;
      throw error;
    }
  }

  /** Ends the waiting for jobs. One that is on its way just then comes again after ack_wait, as from a trainer that died. */
  stop(): void {
    this.#isStopped = true;
    for (const pull of this.#pulls) pull.stop();
  }

  async #pull(consumer: Consumer): Promise<JsMsg | undefined> {
    const pull = await consumer.fetch({ max_messages: 1, expires: EXPIRES_MS });
    this.#pulls.add(pull);
    if (this.#isStopped) pull.stop();
    try {
      for await (const message of pull) return message;
      return undefined;
    } finally {
      this.#pulls.delete(pull);
    }
  }

  async #open(): Promise<Consumer> {
    const { client, manager, topology, ackWaitMs = ACK_WAIT_MS } = this.#options;
    await manager.consumers.add(topology.retrainStream, {
      durable_name: TRAINERS_CONSUMER,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: ackWaitMs * 1_000_000,
      max_ack_pending: HELD_MAX,
    });
    return client.consumers.get(topology.retrainStream, TRAINERS_CONSUMER);
  }

  #held(message: JsMsg): HeldJob {
    const { topology, ackWaitMs = ACK_WAIT_MS } = this.#options;
    const touching = setInterval(() => message.working(), ackWaitMs / TOUCHES);
    return {
      model: message.subject.slice(topology.retrainSubject("").length),
      data: message.data,
      deliveries: message.info.deliveryCount,
      done: async () => {
        clearInterval(touching);
        await message.ackAck();
      },
      later: (delayMs) => {
        clearInterval(touching);
        message.nak(delayMs);
      },
      leave: () => clearInterval(touching),
    };
  }
}
