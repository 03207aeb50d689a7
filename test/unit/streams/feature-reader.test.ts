/** A reading of the features stream when deliveries are lost on the way, the consumer is gone, or nobody reads. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import { FeatureFeed } from "../../../streams/feature-reader.ts";
import { eventually } from "../../support/eventually.ts";

/** What the server sends, one message at a time as it is asked for. */
class FakeMessages {
  readonly #sent: JsMsg[] = [];
  taken = 0;
  #isStopped = false;

  send(deliverySequence: number, streamSequence = deliverySequence): void {
    this.#sent.push({
      subject: "millrace.features.card",
      data: new Uint8Array([streamSequence]),
      info: { deliverySequence, streamSequence },
      timestampNanos: 1_700_000_000_123_999_999n,
    } as unknown as JsMsg);
  }

  stop(): void {
    this.#isStopped = true;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<JsMsg> {
    while (!this.#isStopped) {
      const next = this.#sent[this.taken];
      if (next === undefined) await new Promise((resolve) => setImmediate(resolve));
      else {
        this.taken++;
        yield next;
      }
    }
  }
}

function feedOf(messages: FakeMessages, delivered: () => Promise<number> = async () => 0): FeatureFeed {
  return new FeatureFeed(messages as unknown as ConsumerMessages, delivered, async () => undefined);
}

describe("a reading of the features stream", () => {
  it("hands on what is there, in order, with the stream's time cut to the millisecond", async () => {
    const messages = new FakeMessages();
    const feed = feedOf(messages);
    for (const seq of [1, 2, 3]) messages.send(seq, seq + 10);
    await eventually("all have come", () => messages.taken === 3);
    const first = await feed.read(2, 1_000);
    assert.deepEqual(
      first.map(({ seq, atMs, subject }) => [seq, atMs, subject]),
      [11, 12].map((seq) => [seq, 1_700_000_000_123, "millrace.features.card"]),
    );
    assert.deepEqual(
      (await feed.read(2, 1_000)).map(({ seq }) => seq),
      [13],
    );
    assert.deepEqual(await feed.read(2, 10), []);
    await feed.close();
  });

  it("takes messages that were deleted from the stream for what they are, and those lost on the way too", async () => {
    const messages = new FakeMessages();
    const feed = feedOf(messages);
    messages.send(1, 1);
    messages.send(2, 9);
    messages.send(4, 11);
    const seqs: number[] = [];
    await assert.rejects(async () => {
      for (;;) for (const { seq } of await feed.read(10, 1_000)) seqs.push(seq);
    }, /event 11 came without those before it/);
    assert.deepEqual(seqs, [1, 9]);
    await feed.close();
  });

  it("fails when the last deliveries do not come", async () => {
    const messages = new FakeMessages();
    const feed = feedOf(messages, async () => 2);
    messages.send(1);
    assert.equal((await feed.read(10, 1_000)).length, 1);
    assert.deepEqual(await feed.read(10, 5), []);
    await assert.rejects(feed.read(10, 5), /lost on the way/);
    await feed.close();
  });

  it("fails when the consumer is gone", async () => {
    const feed = feedOf(new FakeMessages(), async () => {
      throw new Error("consumer not found");
    });
    await assert.rejects(feed.read(10, 5), /consumer not found/);
    await feed.close();
  });

  it("takes no more than its bound from the server while nobody reads", async () => {
    const messages = new FakeMessages();
    for (let seq = 1; seq <= 5_000; seq++) messages.send(seq);
    const feed = feedOf(messages);
    await eventually("the bound is reached", () => messages.taken >= 2_000);
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(messages.taken, 2_000);
    let read = 0;
    while (read < 5_000) read += (await feed.read(700, 1_000)).length;
    await feed.close();
  });
});
