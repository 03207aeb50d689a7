// hot path
/**
 * Publishes predictions to `<prefix>.predictions.<model>` and settles their requests once they are stored there.
 *
 * Group commit, as in the prediction log: while one group waits for its acknowledgements, the next gathers. Every
 * message asks for one, since a server may refuse a single message of many, and says so only to who asks.
 * A result that no message holds makes its request a dead letter: it would never be published, and hold up its group.
 * Bounds: GROUP_MAX results in a group, and the caller's requests in flight for what gathers.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { messageOf } from "../engine/core/errors.ts";
import type { Logger } from "../engine/core/log.ts";
import { toHeaders } from "./header-text.ts";
import type { OutgoingMessage, Publisher } from "./publisher.ts";

/** A tenth of what a stream takes in at once before it refuses: it has other engines to serve. */
const GROUP_MAX = 1_000;
const TIMEOUT_MS = 10_000;
const LATER_MS = 1_000;
/** Room for the headers of a result. */
const HEADER_BYTES = 512;
/** UTF-8 bytes of a UTF-16 code unit, at most. */
const UNIT_BYTES_MAX = 3;

export interface Result {
  readonly subject: string;
  readonly predictionId: string;
  readonly payload: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Where else to send it, or "". */
  readonly replyTo: string;
  readonly request: { done(): void; later(delayMs: number): void; dead(reason: string): void };
}

export class ResultPublisher {
  readonly #nats: NatsConnection;
  readonly #publisher: Publisher;
  readonly #logger: Logger;
  readonly #gathering: Result[] = [];
  #isPublishing = false;

  constructor(nats: NatsConnection, publisher: Publisher, logger: Logger) {
    this.#nats = nats;
    this.#publisher = publisher;
    this.#logger = logger;
  }

  publish(result: Result): void {
    const bytesMax = this.#publisher.payloadBytesMax - HEADER_BYTES;
    if (result.payload.length > bytesMax / UNIT_BYTES_MAX && Buffer.byteLength(result.payload) > bytesMax)
      return result.request.dead(
        `PAYLOAD_TOO_LARGE: the answer has more than the ${bytesMax} bytes that a message may have: ask for fewer rows or outputs`,
      );
    this.#gathering.push(result);
    if (this.#isPublishing) return;
    this.#isPublishing = true;
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    while (this.#gathering.length > 0) {
      const group = this.#gathering.splice(0, GROUP_MAX);
      try {
        await this.#publisher.publishAll(group.map(toMessage), { timeoutMs: TIMEOUT_MS });
        for (const result of group) this.#settle(result);
      } catch (error) {
        this.#logger.warn(
          { err: messageOf(error), results: group.length },
          "results could not be published, their requests come again",
        );
        for (const { request } of group) request.later(LATER_MS);
      }
    }
    this.#isPublishing = false;
  }

  #settle({ replyTo, payload, headers, request }: Result): void {
    if (replyTo !== "") this.#nats.publish(replyTo, payload, headers && { headers: toHeaders(headers) });
    request.done();
  }
}

function toMessage({ subject, predictionId, payload, headers }: Result): OutgoingMessage {
  return { subject, id: predictionId, payload, ...(headers && { headers: toHeaders(headers) }) };
}
