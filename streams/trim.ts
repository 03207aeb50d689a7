/**
 * Lets streams go of messages that are done with, so that they never reach their bound in bytes by age alone.
 *
 * Only after the duplicate window has passed: message ids are remembered through a server restart by the messages
 * that are still stored. Never more than is done with now, and in the same stream: who deletes a stream and makes it
 * anew, or makes who reads it start over, takes back what was said before.
 * A stream that is kept as history goes of messages only while it is more than half full: so there is room for new ones,
 * and as much to rebuild from as fits.
 */
import type { JetStreamManager, StreamInfo } from "@nats-io/jetstream";
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
  readonly #keeps: "nothing" | "history";
  /** Of one epoch, in rising order. */
  #marks: readonly Mark[] = [];
  #epoch = 0;

  /** `keeps`: of what is done with. */
  constructor(manager: JetStreamManager, stream: string, keeps: "nothing" | "history" = "nothing") {
    this.#manager = manager;
    this.#stream = stream;
    this.#keeps = keeps;
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
      const upTo = this.#keeps === "history" ? Math.min(seq, halfFullSeq(info)) : seq;
      if (firstSeq <= upTo) await this.#manager.streams.purge(this.#stream, { seq: upTo + 1 });
      this.#marks = this.#marks.filter((mark) => mark.seq > seq);
    }
  }
}

/** Without the messages up to this one the stream is half full, if they are all of about one size. */
function halfFullSeq({ config, state }: StreamInfo): number {
  const { bytes, messages, first_seq: firstSeq } = state;
  if (config.max_bytes <= 0 || bytes <= config.max_bytes / 2) return 0;
  return firstSeq + Math.ceil(messages * (1 - config.max_bytes / 2 / bytes)) - 1;
}
