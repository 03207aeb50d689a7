// hot path
/**
 * Publishing into streams with an acknowledgement, tried again under the same message id until it comes or the time
 * is up. The stream drops a repeat by its id, so a lost acknowledgement does no harm.
 *
 *     publish → waiting (by token) → acknowledged │ refused: full, too large → error │ ATTEMPT_MS passed → again
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

export interface PublishOptions {
  /** Time for all attempts together, ms. */
  readonly timeoutMs: number;
  readonly headers?: MsgHdrs;
}

interface Waiting {
  readonly subject: string;
  readonly payload: Uint8Array | string;
  readonly headers: MsgHdrs;
  readonly done: Deferred<void>;
  readonly giveUpMs: number;
  nextMs: number;
}

export class Publisher {
  readonly #nats: NatsConnection;
  readonly #inbox: string;
  readonly #waiting = new Map<string, Waiting>();
  readonly #sweeper: NodeJS.Timeout;
  #token = 0;

  constructor(nats: NatsConnection) {
    this.#nats = nats;
    this.#inbox = createInbox();
    nats.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#settle(message);
      },
    });
    this.#sweeper = setInterval(() => this.#sweep(performance.now()), SWEEP_MS).unref();
  }

  /**
   * Resolves when the stream has the message. `payload` must not change until then.
   * @throws EngineError SERVICE_UNAVAILABLE when it refused, or no acknowledgement came in time.
   */
  async publish(
    subject: string,
    id: string,
    payload: Uint8Array | string,
    options: PublishOptions,
  ): Promise<void> {
    const head = options.headers ?? headers();
    head.set("Nats-Msg-Id", id);
    const nowMs = performance.now();
    const waiting = {
      subject,
      payload,
      headers: head,
      done: createDeferred<void>(),
      giveUpMs: nowMs + options.timeoutMs,
      nextMs: nowMs,
    };
    const token = String(this.#token++);
    this.#waiting.set(token, waiting);
    this.#attempt(token, waiting, nowMs);
    return waiting.done.promise;
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const token of this.#waiting.keys()) this.#giveUp(token, "the connection is closed");
  }

  #attempt(token: string, waiting: Waiting, nowMs: number): void {
    waiting.nextMs = nowMs + ATTEMPT_MS;
    try {
      this.#nats.publish(waiting.subject, waiting.payload, {
        reply: `${this.#inbox}.${token}`,
        headers: waiting.headers,
      });
    } catch (error) {
      this.#giveUp(token, messageOf(error)); // larger than the server takes, or the connection is closed for good
    }
  }

  #settle(message: Msg): void {
    const token = message.subject.slice(this.#inbox.length + 1);
    const waiting = this.#waiting.get(token);
    if (waiting === undefined) return; // the second acknowledgement of a repeat
    const refusal = refusalOf(message);
    if (refusal === undefined) {
      this.#waiting.delete(token);
      waiting.done.resolve();
    } else if (FINAL_CODES.has(refusal.code)) this.#giveUp(token, refusal.description);
    else waiting.nextMs = performance.now() + PAUSE_MS;
  }

  #sweep(nowMs: number): void {
    for (const [token, waiting] of this.#waiting) {
      if (waiting.giveUpMs <= nowMs) this.#giveUp(token, "no acknowledgement in time");
      else if (waiting.nextMs <= nowMs) this.#attempt(token, waiting, nowMs);
    }
  }

  #giveUp(token: string, why: string): void {
    const waiting = this.#waiting.get(token);
    this.#waiting.delete(token);
    waiting?.done.reject(
      new EngineError(
        "SERVICE_UNAVAILABLE",
        `the stream behind ${waiting.subject} did not take the message: ${why}`,
      ),
    );
  }
}

/** Why the stream did not store the message, or undefined when it did. */
function refusalOf(message: Msg): { code: number; description: string } | undefined {
  if (message.data.length === 0)
    return { code: message.headers?.code ?? 0, description: "no stream takes this subject" };
  const { error } = message.json<{ error?: { err_code: number; description: string } }>();
  return error === undefined ? undefined : { code: error.err_code, description: error.description };
}
