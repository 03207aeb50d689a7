/**
 * Lets streams go of messages that are done with, so that they never reach their bound in bytes by age alone.
 *
 * Only after the duplicate window has passed: message ids are remembered through a server restart by the messages
 * that are still stored. Never more than is done with now, and in the same stream: who deletes a stream and makes it
 * anew, or makes who reads it start over, takes back what was said before.
 */
import type { JetStreamManager } from "@nats-io/jetstream";
import { DUPLICATE_WINDOW_MS, epochOf } from "./topology.ts";

/** How far a stream is done with. */
export interface DonePosition {
  /** Which stream the sequence is of. */
  readonly epoch: number;
  readonly seq: number;
}

interface Mark {
  readonly seq: number;
  readonly atMs: number;
}

export class Trimmer {
  readonly #manager: JetStreamManager;
  readonly #stream: string;
  /** Of one epoch, in rising order. */
  #marks: readonly Mark[] = [];
  #epoch = 0;

  constructor(manager: JetStreamManager, stream: string) {
    this.#manager = manager;
    this.#stream = stream;
  }

  /** Notes that all up to `done` is done with at `nowMs`, and purges what was done a duplicate window ago. */
  async advance(done: DonePosition, nowMs: number): Promise<void> {
    if (done.epoch !== this.#epoch) this.#marks = [];
    this.#epoch = done.epoch;
    this.#marks = this.#marks.filter(({ seq }) => seq <= done.seq);
    if (done.seq > (this.#marks.at(-1)?.seq ?? 0))
      this.#marks = [...this.#marks, { seq: done.seq, atMs: nowMs }];
    const due = this.#marks.findLast(({ atMs }) => atMs + DUPLICATE_WINDOW_MS < nowMs);
    if (due !== undefined) await this.#purge(due.seq);
  }

  async #purge(seq: number): Promise<void> {
    const info = await this.#manager.streams.info(this.#stream);
    const { first_seq: firstSeq, last_seq: lastSeq } = info.state;
    if (epochOf(info) !== this.#epoch || lastSeq < seq) this.#marks = [];
    else {
      if (firstSeq <= seq) await this.#manager.streams.purge(this.#stream, { seq: seq + 1 });
      this.#marks = this.#marks.filter((mark) => mark.seq > seq);
    }
  }
}
