/**
 * Durable prediction requests: pulls them from `<prefix>.requests.*` and hands each on with the ways to settle it.
 *
 * Each is settled exactly once: `done` (acknowledged, never seen again), `later` (delivered again after a delay) or
 * `dead` (moved to the dead letters with the reason). Bound: `inFlightMax` requests handed on and not settled; at the
 * bound, and while there is no `room`, nothing is pulled. Engines share one consumer.
 */

import { setTimeout as delay } from "node:timers/promises";
import {
  AckPolicy,
  type ConsumerMessages,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
} from "@nats-io/jetstream";
import { headers, Match } from "@nats-io/transport-node";
import { messageOf } from "../engine/core/errors.ts";
import type { Logger } from "../engine/core/log.ts";
import { headerText } from "./header-text.ts";
import type { Publisher } from "./publisher.ts";
import { epochOf, type Topology } from "./topology.ts";

export const REQUEST_CONSUMER = "engines";
const ACK_WAIT_NS = 30 * 1_000_000_000;
const PAUSE_MS = 5;
const RESTART_MS = 500;
const DEAD_TIMEOUT_MS = 10_000;
const DEAD_RETRY_MS = 5_000;

/** Sequence up to which every request is settled; 0 before there is a consumer. */
export async function settledRequests(manager: JetStreamManager, topology: Topology): Promise<number> {
  const names = await manager.consumers.list(topology.requestsStream).next();
  return names.find((consumer) => consumer.name === REQUEST_CONSUMER)?.ack_floor.stream_seq ?? 0;
}

export interface StreamRequest {
  /** Last token of the subject. */
  readonly model: string;
  readonly data: Uint8Array;
  /** Nats-Msg-Id, or "". */
  readonly messageId: string;
  /** Header reply-to, or "". */
  readonly replyTo: string;
  /** Unique for this message over all time: the stream's epoch and its sequence. */
  readonly position: string;
  /** 1 for the first delivery. */
  readonly delivery: number;
  done(): void;
  later(delayMs: number): void;
  dead(reason: string): void;
}

export interface RequestConsumerOptions {
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly publisher: Publisher;
  readonly topology: Topology;
  readonly inFlightMax: number;
  /** Whether another request can be taken now. */
  readonly hasRoom: () => boolean;
  readonly onRequest: (request: StreamRequest) => void;
  readonly logger: Logger;
}

export class RequestConsumer {
  readonly #options: RequestConsumerOptions;
  #messages: ConsumerMessages | undefined;
  #inFlight = 0;
  #isStopping = false;
  #running: Promise<void> = Promise.resolve();
  #epoch = 0;

  constructor(options: RequestConsumerOptions) {
    this.#options = options;
  }

  /** Requests handed on and not settled. */
  get inFlight(): number {
    return this.#inFlight;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Pulls no more. What is in flight can still be settled. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#messages?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      try {
        await this.#consume();
      } catch (error) {
        this.#options.logger.warn({ err: messageOf(error) }, "request consumer failed, starting over");
      }
      if (!this.#isStopping) await delay(RESTART_MS);
    }
  }

  async #consume(): Promise<void> {
    const { jetstream, manager, topology, inFlightMax, hasRoom, onRequest } = this.#options;
    this.#epoch = epochOf(await manager.streams.info(topology.requestsStream));
    await manager.consumers.add(topology.requestsStream, {
      durable_name: REQUEST_CONSUMER,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: ACK_WAIT_NS,
      max_ack_pending: inFlightMax * 4,
    });
    const consumer = await jetstream.consumers.get(topology.requestsStream, REQUEST_CONSUMER);
    this.#messages = await consumer.consume({
      max_messages: inFlightMax,
      abort_on_missing_resource: true,
    });
    const settle: Settle = {
      released: () => {
        this.#inFlight--;
      },
      bury: (message, reason) => void this.#bury(message, reason),
    };
    for await (const message of this.#messages) {
      while (!this.#isStopping && (this.#inFlight >= inFlightMax || !hasRoom())) await delay(PAUSE_MS);
      if (this.#isStopping) {
        message.nak();
        continue;
      }
      this.#inFlight++;
      onRequest(new PulledRequest(message, this.#epoch, settle));
    }
  }

  /** The dead letter is stored before the request is let go; if that fails, it comes again. */
  async #bury(message: JsMsg, reason: string): Promise<void> {
    const { publisher, topology, logger } = this.#options;
    const head = headers();
    head.set("Millrace-Reason", headerText(reason));
    head.set("Millrace-Subject", message.subject);
    head.set("Millrace-Sequence", String(message.seq));
    const id = `${topology.requestsStream}-${this.#epoch}-${message.seq}`;
    const options = { headers: head, timeoutMs: DEAD_TIMEOUT_MS };
    try {
      await publisher.publish(topology.deadSubject(topology.requestsStream), id, message.data, options);
      logger.warn(
        { subject: message.subject, seq: message.seq, reason },
        "request moved to the dead letters",
      );
      message.ack();
    } catch (error) {
      logger.error(
        { err: messageOf(error), seq: message.seq },
        "dead letter could not be stored, trying again",
      );
      message.nak(DEAD_RETRY_MS);
    } finally {
      this.#inFlight--;
    }
  }
}

/** How a request tells the consumer that it is settled. */
interface Settle {
  released(): void;
  /** Also releases. */
  bury(message: JsMsg, reason: string): void;
}

/** What few requests need is worked out when asked for: parsing a message's position costs as much as its prediction. */
class PulledRequest implements StreamRequest {
  readonly model: string;
  readonly messageId: string;
  readonly replyTo: string;
  readonly #message: JsMsg;
  readonly #epoch: number;
  readonly #settle: Settle;

  constructor(message: JsMsg, epoch: number, settle: Settle) {
    const { subject, headers: head } = message;
    this.model = subject.slice(subject.lastIndexOf(".") + 1);
    this.messageId = head?.get("Nats-Msg-Id") ?? "";
    this.replyTo = head?.get("reply-to", Match.IgnoreCase) ?? "";
    this.#message = message;
    this.#epoch = epoch;
    this.#settle = settle;
  }

  get data(): Uint8Array {
    return this.#message.data;
  }

  get position(): string {
    return `${this.#epoch}:${this.#message.seq}`;
  }

  get delivery(): number {
    return this.#message.info.deliveryCount;
  }

  done(): void {
    this.#settle.released();
    this.#message.ack();
  }

  later(delayMs: number): void {
    this.#settle.released();
    this.#message.nak(delayMs);
  }

  dead(reason: string): void {
    this.#settle.bury(this.#message, reason);
  }
}
