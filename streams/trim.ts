/**
 * Lets streams go of messages that are done with, so that they never reach their bound in bytes by age alone.
 *
 * Only after the duplicate window has passed: message ids are remembered through a server restart by the messages
 * that are still stored.
 */
import type { JetStreamManager } from "@nats-io/jetstream";
import { DUPLICATE_WINDOW_MS } from "./topology.ts";

interface Mark {
  readonly seq: number;
  readonly atMs: number;
}

export class Trimmer {
  readonly #manager: JetStreamManager;
  readonly #stream: string;
  readonly #marks: Mark[] = [];

  constructor(manager: JetStreamManager, stream: string) {
    this.#manager = manager;
    this.#stream = stream;
  }

  /** Notes that all up to `doneSeq` are done with at `nowMs`, and purges what was done a duplicate window ago. */
  async advance(doneSeq: number, nowMs: number): Promise<void> {
    if (doneSeq > (this.#marks.at(-1)?.seq ?? 0)) this.#marks.push({ seq: doneSeq, atMs: nowMs });
    let purgeTo = 0;
    while (this.#marks[0] !== undefined && this.#marks[0].atMs + DUPLICATE_WINDOW_MS < nowMs) {
      purgeTo = (this.#marks.shift() as Mark).seq;
    }
    if (purgeTo > 0) await this.#manager.streams.purge(this.#stream, { seq: purgeTo + 1 });
  }
}
