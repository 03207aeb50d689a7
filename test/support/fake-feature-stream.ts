/** A features stream in memory for the ingester's unit tests, with the faults of a real one on demand. */
import type { FeatureSource, SourceFeed } from "../../engine/features/feature-ingester.ts";
import type { SinkMessage } from "../../engine/sink-batch.ts";
import { eventually } from "./eventually.ts";

export class FakeFeatureStream implements FeatureSource {
  epoch = 1;
  messages: SinkMessage[] = [];
  /** All that was ever added, trimmed or of an earlier stream included. */
  readonly added: { readonly epoch: number; readonly message: SinkMessage }[] = [];
  #lastSeq = 0;
  readonly rejected: { seq: number; reason: string }[] = [];
  /** Where readings began. */
  readonly followed: number[] = [];
  /** Fails the next readings. */
  interruptions = 0;

  add(body: unknown, subject = "test.features.card"): void {
    const data = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
    const message = { seq: ++this.#lastSeq, subject, data, atMs: Date.now() };
    this.messages.push(message);
    this.added.push({ epoch: this.epoch, message });
  }

  /** Deletes the stream and makes it anew. */
  recreate(): void {
    this.epoch++;
    this.messages = [];
    this.#lastSeq = 0;
  }

  /** Removes the oldest. */
  trim(messages: number): void {
    this.messages.splice(0, messages);
  }

  /** The server lost what came last. */
  forget(messages: number): void {
    this.messages.splice(-messages, messages);
    this.added.splice(-messages, messages);
    this.#lastSeq -= messages;
  }

  async position(): Promise<{ epoch: number; firstSeq: number; lastSeq: number }> {
    const firstSeq = this.messages[0]?.seq ?? this.#lastSeq + 1;
    return { epoch: this.epoch, firstSeq, lastSeq: this.#lastSeq };
  }

  async follow(seq: number, epoch: number): Promise<SourceFeed> {
    if (epoch !== this.epoch) throw new Error("another stream");
    this.followed.push(seq);
    let nextSeq = seq;
    const next = (): SinkMessage[] => this.messages.filter((message) => message.seq >= nextSeq);
    return {
      read: async (messagesMax) => {
        await eventually("a message", () => next().length > 0, 20).catch(() => undefined);
        if (this.interruptions > 0) {
          this.interruptions--;
          throw new Error("interrupted");
        }
        if (epoch !== this.epoch) throw new Error("another stream");
        const found = next().slice(0, messagesMax);
        nextSeq = (found.at(-1)?.seq ?? nextSeq - 1) + 1;
        return found;
      },
      close: async () => undefined,
    };
  }

  async reject({ seq }: SinkMessage, _epoch: number, reason: string): Promise<void> {
    this.rejected.push({ seq, reason });
  }

  async lastRejectedSeq(): Promise<number> {
    return this.rejected.at(-1)?.seq ?? 0;
  }
}
