// hot path
/**
 * One durable request, as its consumer hands it on: what it says, and the ways to settle it.
 *
 * What few requests need is worked out when asked for: parsing a message's position costs as much as its prediction.
 */
import type { JsMsg } from "@nats-io/jetstream";
import { Match } from "@nats-io/transport-node";

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
  /** Value of a header, or "". */
  header(name: string): string;
  done(): void;
  later(delayMs: number): void;
  dead(reason: string): void;
}

/** How a request tells its consumer that it is settled. */
export interface Settle {
  release(request: PulledRequest): void;
  /** Also releases, once the dead letter is stored. */
  bury(request: PulledRequest, reason: string): void;
}

export class PulledRequest implements StreamRequest {
  readonly model: string;
  readonly messageId: string;
  readonly replyTo: string;
  /** The consumer's round in which it was pulled. */
  readonly round: number;
  readonly #message: JsMsg;
  readonly #epoch: number;
  readonly #settle: Settle;

  constructor(message: JsMsg, epoch: number, round: number, settle: Settle) {
    const { subject, headers: head } = message;
    this.model = subject.slice(subject.lastIndexOf(".") + 1);
    this.messageId = head?.get("Nats-Msg-Id") ?? "";
    this.replyTo = head?.get("reply-to", Match.IgnoreCase) ?? "";
    this.round = round;
    this.#message = message;
    this.#epoch = epoch;
    this.#settle = settle;
  }

  get data(): Uint8Array {
    return this.#message.data;
  }

  header(name: string): string {
    return this.#message.headers?.get(name, Match.IgnoreCase) ?? "";
  }

  get subject(): string {
    return this.#message.subject;
  }

  get seq(): number {
    return this.#message.seq;
  }

  get position(): string {
    return `${this.#epoch}:${this.seq}`;
  }

  get delivery(): number {
    return this.#message.info.deliveryCount;
  }

  /** Tells the server that it is held and not forgotten. */
  working(): void {
    this.#message.working();
  }

  done(): void {
    this.#settle.release(this);
    this.#message.ack();
  }

  later(delayMs: number): void {
    this.#settle.release(this);
    this.#message.nak(delayMs);
  }

  dead(reason: string): void {
    this.#settle.bury(this, reason);
  }
}
