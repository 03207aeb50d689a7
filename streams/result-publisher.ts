// hot path
/**
 * Publishes predictions to `<prefix>.predictions.<model>` and settles their requests once they are stored there.
 *
 * Group commit, as in the prediction log: while one group waits for its acknowledgement, the next gathers. Only the
 * last message of a group asks for one: a connection's messages are stored in order, so it speaks for those before.
 * A group that is not acknowledged is published again under the same message ids. Bound: the caller's requests in
 * flight.
 */
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { messageOf } from "../engine/core/errors.ts";
import type { Logger } from "../engine/core/log.ts";
import type { Publisher } from "./publisher.ts";

const TIMEOUT_MS = 10_000;
const LATER_MS = 1_000;

export interface Result {
  readonly subject: string;
  readonly predictionId: string;
  readonly json: string;
  /** Where else to send it, or "". */
  readonly replyTo: string;
  readonly request: { done(): void; later(delayMs: number): void };
}

export class ResultPublisher {
  readonly #nats: NatsConnection;
  readonly #publisher: Publisher;
  readonly #logger: Logger;
  #gathering: Result[] = [];
  #isPublishing = false;

  constructor(nats: NatsConnection, publisher: Publisher, logger: Logger) {
    this.#nats = nats;
    this.#publisher = publisher;
    this.#logger = logger;
  }

  publish(result: Result): void {
    this.#gathering.push(result);
    if (this.#isPublishing) return;
    this.#isPublishing = true;
    setImmediate(() => void this.#run());
  }

  async #run(): Promise<void> {
    while (this.#gathering.length > 0) {
      const group = this.#gathering;
      this.#gathering = [];
      try {
        await this.#publishGroup(group);
        for (const { request } of group) request.done();
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

  async #publishGroup(group: readonly Result[]): Promise<void> {
    const last = group.length - 1;
    for (let index = 0; index < last; index++) {
      const result = group[index] as Result;
      const head = headers();
      head.set("Nats-Msg-Id", result.predictionId);
      this.#nats.publish(result.subject, result.json, { headers: head });
      this.#reply(result);
    }
    const result = group[last] as Result;
    await this.#publisher.publish(result.subject, result.predictionId, result.json, {
      timeoutMs: TIMEOUT_MS,
    });
    this.#reply(result);
  }

  #reply({ replyTo, json }: Result): void {
    if (replyTo !== "") this.#nats.publish(replyTo, json);
  }
}
