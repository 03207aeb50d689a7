// hot path
/**
 * Publishing into streams with an acknowledgement of every message, tried again under the same message id until it
 * comes or the time is up. The stream drops a repeat by its id, so a lost acknowledgement does no harm.
 *
 *     publish → waiting (by token) → all acknowledged │ refused: full, too large → error │ ATTEMPT_MS passed → again
 *
 * One inbox for all acknowledgements and one timer for all waits: the client's own request costs a promise race, a
 * timer and several objects each. Bound: the callers', who wait for what they published.
 */
import { createInbox, headers, type Msg, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import { createDeferred, type Deferred } from "../engine/core/deferred.ts";
import { EngineError, messageOf } from "../engine/core/errors.ts";

const ATTEMPT_MS = 1_000;
const SWEEP_MS = 100;
/** Pause after a refusal that may pass, such as a stream without a leader. */
const PAUSE_MS = 50;
/** Stream full (messages, bytes), message too large: nothing that waiting mends in time. */
const FINAL_CODES = new Set([10077, 10054, 10047]);
/** What nats-server takes unless it is told otherwise. */
const PAYLOAD_BYTES_DEFAULT = 1024 * 1024;
/** Room for the header that every message has, its id. */
export const ID_HEADER_BYTES = 256;

export interface PublishOptions {
  /** Time for all attempts together, ms. */
  readonly timeoutMs: number;
}

export interface OutgoingMessage {
  readonly subject: string;
  /** Under which the stream drops repeats. */
  readonly id: string;
  readonly payload: Uint8Array | string;
  readonly headers?: MsgHdrs;
}

interface Pending {
  readonly subject: string;
  readonly payload: Uint8Array | string;
  readonly headers: MsgHdrs;
}

interface Waiting {
  /** By its place in the group; undefined once it is acknowledged. */
  readonly messages: (Pending | undefined)[];
  readonly done: Deferred<void>;
  readonly giveUpMs: number;
  unacknowledged: number;
  nextMs: number;
}

export class Publisher {
  readonly #nats: NatsConnection;
  readonly #inbox: string;
  readonly #waiting = new Map<string, Waiting>();
  readonly #sweeper: NodeJS.Timeout;
  #payloadBytesMax = PAYLOAD_BYTES_DEFAULT;
  #token = 0;

  constructor(nats: NatsConnection) {
    this.#nats = nats;
    this.#inbox = createInbox();
    nats.subscribe(`${this.#inbox}.>`, {
      callback: (error, message) => {
        if (error === null) this.#settle(message);
      },
    });
    this.#sweeper = setInterval(() => this.#sweep(performance.now()), SWEEP_MS).unref();
  }

  /** The largest message that the server takes, headers included, bytes. */
  get payloadBytesMax(): number {
    this.#payloadBytesMax = this.#nats.info?.max_payload ?? this.#payloadBytesMax; // none while disconnected
    return this.#payloadBytesMax;
  }

  /**
   * Resolves when the stream has the message. Its payload must not change until then.
   * @throws EngineError SERVICE_UNAVAILABLE when it refused, or no acknowledgement came in time.
   */
  async publish(message: OutgoingMessage, options: PublishOptions): Promise<void> {
    return this.publishAll([message], options);
  }

  /**
   * Resolves when the streams have every one of the messages; only what is not acknowledged is sent again.
   * @throws EngineError SERVICE_UNAVAILABLE when one was refused, or not acknowledged in time; others may be stored.
   */
  async publishAll(messages: readonly OutgoingMessage[], { timeoutMs }: PublishOptions): Promise<void> {
    if (messages.length === 0) return;
    const nowMs = performance.now();
    const waiting: Waiting = {
      messages: messages.map(toPending),
      done: createDeferred<void>(),
      giveUpMs: nowMs + timeoutMs,
      unacknowledged: messages.length,
      nextMs: nowMs,
    };
    const token = String(this.#token++);
    this.#waiting.set(token, waiting);
    this.#attempt(token, waiting, nowMs);
    return waiting.done.promise;
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const [token, waiting] of this.#waiting) this.#giveUp(token, waiting, "the connection is closed");
  }

  #attempt(token: string, waiting: Waiting, nowMs: number): void {
    waiting.nextMs = nowMs + ATTEMPT_MS;
    const { messages } = waiting;
    try {
      for (let index = 0; index < messages.length; index++) {
        const message = messages[index];
        if (message === undefined) continue;
        this.#nats.publish(message.subject, message.payload, {
          reply: `${this.#inbox}.${token}.${index}`,
          headers: message.headers,
        });
      }
    } catch (error) {
      this.#giveUp(token, waiting, messageOf(error)); // larger than the server takes, or the connection is closed for good
    }
  }

  #settle(message: Msg): void {
    const dot = message.subject.lastIndexOf(".");
    const token = message.subject.slice(this.#inbox.length + 1, dot);
    const index = Number(message.subject.slice(dot + 1));
    const waiting = this.#waiting.get(token);
    if (waiting?.messages[index] === undefined) return; // the second acknowledgement of a repeat
    const refusal = refusalOf(message);
    if (refusal === undefined) {
      waiting.messages[index] = undefined;
      if (--waiting.unacknowledged > 0) return;
      this.#waiting.delete(token);
      waiting.done.resolve();
    } else if (FINAL_CODES.has(refusal.code)) this.#giveUp(token, waiting, refusal.description);
    else waiting.nextMs = performance.now() + PAUSE_MS;
  }

  #sweep(nowMs: number): void {
    for (const [token, waiting] of this.#waiting) {
      if (waiting.giveUpMs <= nowMs) this.#giveUp(token, waiting, "no acknowledgement in time");
      else if (waiting.nextMs <= nowMs) this.#attempt(token, waiting, nowMs);
    }
  }

  #giveUp(token: string, { messages, done }: Waiting, why: string): void {
    this.#waiting.delete(token);
    const subject = messages.find((message) => message !== undefined)?.subject;
    done.reject(
      new EngineError("SERVICE_UNAVAILABLE", `the stream behind ${subject} did not take the message: ${why}`),
    );
  }
}

function toPending({ subject, id, payload, headers: given }: OutgoingMessage): Pending {
  const head = given ?? headers();
  head.set("Nats-Msg-Id", id);
  return { subject, payload, headers: head };
}

/** Why the stream did not store the message, or undefined when it did. */
function refusalOf(message: Msg): { code: number; description: string } | undefined {
  if (message.data.length === 0)
    return { code: message.headers?.code ?? 0, description: "no stream takes this subject" };
  const { error } = message.json<{ error?: { err_code: number; description: string } }>();
  return error === undefined ? undefined : { code: error.err_code, description: error.description };
}
