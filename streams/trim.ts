/**
 * Lets streams go of messages that are done with, so that they never reach their bound in bytes by age alone.
 *
 * Only after the duplicate window has passed: message ids are remembered through a server restart by the messages
 * that are still stored.
 */
import { DUPLICATE_WINDOW_MS } from "./topology.ts";

/** Of JetStream's manager what is needed here. */
interface StreamPurger {
  readonly streams: { purge(stream: string, upTo: { readonly seq: number }): Promise<unknown> };
}

interface Mark {
  readonly seq: number;
  readonly atMs: number;
}

export class Trimmer {
  readonly #manager: StreamPurger;
  readonly #stream: string;
  /** In order of both. */
  #marks: Mark[] = [];

  constructor(manager: StreamPurger, stream: string) {
    this.#manager = manager;
    this.#stream = stream;
  }

  /**
   * Notes that all up to `doneSeq` are done with at `nowMs`, and purges what was done a duplicate window ago; when that
   * fails, the next call does it.
   */
  async advance(doneSeq: number, nowMs: number): Promise<void> {
    const lastSeq = this.#marks.at(-1)?.seq ?? 0;
    if (doneSeq < lastSeq) this.#marks = []; // perhaps another stream by now, in which those are not done
    if (doneSeq > (this.#marks.at(-1)?.seq ?? 0)) this.#marks.push({ seq: doneSeq, atMs: nowMs });
    const due = this.#marks.findLast(({ atMs }) => atMs + DUPLICATE_WINDOW_MS < nowMs);
    if (due === undefined) return;
    await this.#manager.streams.purge(this.#stream, { seq: due.seq + 1 });
    this.#marks = this.#marks.filter(({ seq }) => seq > due.seq);
  }
}
