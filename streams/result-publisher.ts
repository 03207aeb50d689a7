// hot path
/**
 * Publishes predictions to `<prefix>.predictions.<model>` and settles their requests once they are stored there.
 *
 * Group commit, as in the prediction log: while one group waits for its acknowledgement, the next gathers. Only the
 * last message of a group asks for one: a connection's messages are stored in order, so it speaks for those before.
 * A group that is not acknowledged is published again, all of it, under the same message ids: when a connection is
 * lost, so may be any of its messages. Bound: the caller's requests in flight.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { JetStreamClient } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { messageOf } from "../engine/core/errors.ts";
import type { Logger } from "../engine/core/log.ts";

const TIMEOUT_MS = 10_000;
const ATTEMPT_TIMEOUT_MS = 2_000;
const RETRY_DELAY_MS = 50;
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
  readonly #jetstream: JetStreamClient;
  readonly #logger: Logger;
  #gathering: Result[] = [];
  #isPublishing = false;

  constructor(nats: NatsConnection, jetstream: JetStreamClient, logger: Logger) {
    this.#nats = nats;
    this.#jetstream = jetstream;
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
        await this.#store(group);
        for (const result of group) this.#reply(result);
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

  async #store(group: readonly Result[]): Promise<void> {
    const giveUpMs = performance.now() + TIMEOUT_MS;
    for (;;) {
      try {
        return await this.#publishGroup(group);
      } catch (error) {
        if (performance.now() + RETRY_DELAY_MS >= giveUpMs) throw error;
        await delay(RETRY_DELAY_MS);
      }
    }
  }

  async #publishGroup(group: readonly Result[]): Promise<void> {
    const last = group.length - 1;
    for (let index = 0; index < last; index++) {
      const { subject, predictionId, json } = group[index] as Result;
      const head = headers();
      head.set("Nats-Msg-Id", predictionId);
      this.#nats.publish(subject, json, { headers: head });
    }
    const { subject, predictionId, json } = group[last] as Result;
    const options = { msgID: predictionId, timeout: ATTEMPT_TIMEOUT_MS, retries: 1 };
    await this.#jetstream.publish(subject, json, options);
  }

  #reply({ replyTo, json }: Result): void {
    if (replyTo !== "") this.#nats.publish(replyTo, json);
  }
}
