// hot path
/**
 * Durable prediction requests: pulls them from `<prefix>.requests.*` and hands each on with the ways to settle it.
 *
 *     pulled → waiting for room → handed on → done (acknowledged, never seen again)
 *                                           │ later (delivered again after a delay)
 *                                           │ dead (moved to the dead letters with the reason)
 *
 * Each is settled exactly once. Bound: `inFlightMax` requests pulled and not settled, after a reconnect for once twice
 * that: each pull asks for what is free and no more. The server is told of those that take long, so that it does not
 * deliver them again meanwhile. Engines share one consumer.
 */
import { setTimeout as delay } from "node:timers/promises";
import {
  AckPolicy,
  type Consumer,
  type ConsumerMessages,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
} from "@nats-io/jetstream";
import type { Subscription } from "@nats-io/transport-node";
import { messageOf } from "../engine/core/errors.ts";
import type { Logger } from "../engine/core/log.ts";
import { storeDeadLetter } from "./dead-letter.ts";
import type { Publisher } from "./publisher.ts";
import { PulledRequest, type Settle, type StreamRequest } from "./stream-request.ts";
import { epochOf, type Topology } from "./topology.ts";
import type { DonePosition } from "./trim.ts";

export const REQUEST_CONSUMER = "engines";
const ACK_WAIT_MS = 30_000;
/** Parts of the acknowledgement's time in which requests that take long are looked for. */
const TOUCHES = 4;
const PAUSE_MS = 5;
const RESTART_MS = 500;
const DEAD_RETRY_MS = 5_000;
/** Longest wait of a stop for what the server has sent: it may be away. */
const DRAIN_MS = 1_000;

/** Up to where every request is settled; sequence 0 before there is a consumer. */
export async function settledRequests(manager: JetStreamManager, topology: Topology): Promise<DonePosition> {
  const epoch = epochOf(await manager.streams.info(topology.requestsStream));
  const consumers = await manager.consumers.list(topology.requestsStream).next();
  const found = consumers.find((consumer) => consumer.name === REQUEST_CONSUMER);
  return { epoch, seq: found?.ack_floor.stream_seq ?? 0 };
}

export interface RequestConsumerOptions {
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly publisher: Publisher;
  readonly topology: Topology;
  readonly inFlightMax: number;
  /** After how long without a word the server delivers a request again, ms. */
  readonly ackWaitMs?: number;
  /** Whether another request can be taken now. */
  readonly hasRoom: () => boolean;
  readonly onRequest: (request: StreamRequest) => void;
  readonly logger: Logger;
}

export class RequestConsumer {
  readonly #options: RequestConsumerOptions;
  readonly #ackWaitMs: number;
  /** Pulled and not settled. */
  readonly #held = new Set<PulledRequest>();
  /** Those of them that wait for room, oldest first. */
  readonly #waiting = new Set<PulledRequest>();
  readonly #settle: Settle = {
    release: (request) => this.#held.delete(request),
    bury: (request, reason) => void this.#bury(request, reason),
  };
  #messages: ConsumerMessages | undefined;
  #round = 0;
  #isStopping = false;
  #running: Promise<void> = Promise.resolve();
  #toucher: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #epoch = 0;

  constructor(options: RequestConsumerOptions) {
    this.#options = options;
    this.#ackWaitMs = options.ackWaitMs ?? ACK_WAIT_MS;
  }

  /** Requests pulled and not settled. */
  get inFlight(): number {
    return this.#held.size;
  }

  start(): void {
    this.#toucher = setInterval(() => this.#touch(), this.#ackWaitMs / TOUCHES).unref();
    this.#running = this.#run();
  }

  /**
   * Pulls no more, hands on what was on its way, and gives back what there is no room for: a server that is restarted then
   * delivers that again when the time of its acknowledgement is over. What was handed on can still be settled.
   */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#messages !== undefined) await drain(this.#messages);
    await this.#running;
    clearTimeout(this.#retry);
    for (const request of this.#waiting) request.later(0);
    this.#waiting.clear();
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      try {
        const consumer = await this.#open();
        while (!this.#isStopping) await this.#pull(consumer);
      } catch (error) {
        this.#options.logger.warn({ err: messageOf(error) }, "request consumer failed, starting over");
        if (!this.#isStopping) await delay(RESTART_MS);
      }
    }
  }

  async #open(): Promise<Consumer> {
    const { jetstream, manager, topology, inFlightMax } = this.#options;
    this.#epoch = epochOf(await manager.streams.info(topology.requestsStream));
    await manager.consumers.add(topology.requestsStream, {
      durable_name: REQUEST_CONSUMER,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: this.#ackWaitMs * 1_000_000,
      max_ack_pending: inFlightMax * 4,
    });
    return jetstream.consumers.get(topology.requestsStream, REQUEST_CONSUMER);
  }

  /** One pull of all that is free, once that is a quarter: fewer and larger pulls, and work for the meantime. */
  async #pull(consumer: Consumer): Promise<void> {
    const { inFlightMax } = this.#options;
    const free = inFlightMax - this.#held.size;
    if (free < inFlightMax / 4) {
      await delay(PAUSE_MS);
      return;
    }
    const messages = await consumer.fetch({ max_messages: free });
    this.#messages = messages;
    if (this.#isStopping) void drain(messages); // asked to stop meanwhile
    for await (const message of messages) {
      const request = new PulledRequest(message, this.#epoch, this.#round, this.#settle);
      this.#held.add(request);
      this.#waiting.add(request);
      this.#handOn();
    }
  }

  #handOn(): void {
    const { hasRoom, onRequest } = this.#options;
    for (const request of this.#waiting) {
      if (!hasRoom()) {
        this.#handOnSoon();
        return;
      }
      this.#waiting.delete(request);
      onRequest(request);
    }
  }

  #handOnSoon(): void {
    if (this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#handOn();
    }, PAUSE_MS);
  }

  /** Asks the server for more time for what was held at the last look already: at half of its time at the latest. */
  #touch(): void {
    for (const request of this.#held) if (request.round < this.#round) request.working();
    this.#round++;
    if (this.#isStopping && this.#held.size === 0) clearInterval(this.#toucher);
  }

  /** The dead letter is stored before the request is let go; if that fails, it comes again. */
  async #bury(request: PulledRequest, reason: string): Promise<void> {
    const { publisher, topology, logger } = this.#options;
    const { data, subject, seq } = request;
    const stream = topology.requestsStream;
    const about = { "Millrace-Subject": subject, "Millrace-Sequence": String(seq) };
    try {
      const id = `${stream}-${request.position}`;
      await storeDeadLetter({ stream, id, data, reason, about }, publisher, topology);
      logger.warn({ subject, seq, reason }, "request moved to the dead letters");
      request.done();
    } catch (error) {
      logger.error({ err: messageOf(error), seq }, "dead letter could not be stored, trying again");
      request.later(DEAD_RETRY_MS);
    }
  }
}

/**
 * Ends a pull once all has come that the server had sent for it. The client's own close drops that, and the server would deliver
 * it again only when the time of its acknowledgement is over.
 */
async function drain(messages: ConsumerMessages): Promise<void> {
  const { sub } = messages as ConsumerMessages & { readonly sub?: Pick<Subscription, "drain"> };
  const late = new AbortController();
  await Promise.race([
    sub?.drain().catch(() => undefined), // it has ended
    delay(DRAIN_MS, undefined, { signal: late.signal }).catch(() => undefined),
  ]);
  late.abort();
  await messages.close();
}
