/** What the sink gathers for one insert: months never mix, repeats are left out, rows are stamped with their message. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readPredictionRows } from "../../../engine/prediction-rows.ts";
import { RecentIds } from "../../../engine/recent-ids.ts";
import { SinkBatch } from "../../../engine/sink-batch.ts";
import { blockOf, createdAt, testRow } from "../../support/log-blocks.ts";

const JANUARY = Date.UTC(2026, 0, 31, 23, 59, 59, 999);
const streamed = async (...keys: string[]): Promise<Buffer> =>
  createdAt(await blockOf(keys.map((key) => testRow({ source: "stream", idempotencyKey: key }))), JANUARY);

function add(batch: SinkBatch, data: Buffer, epoch: number, seq: number, recent: RecentIds): void {
  const message = { seq, subject: "", data, atMs: 0 };
  batch.add(message, readPredictionRows(message), epoch, recent);
}

describe("a batch of the sink", () => {
  it("stamps rows with epoch and sequence, and grows beyond its first capacity", async () => {
    const batch = new SinkBatch(16);
    const block = await streamed("a", "b");
    add(batch, block, 7, 41, new RecentIds(16));
    const first = batch.length;
    add(batch, await streamed("c"), 7, 42, new RecentIds(16));
    assert.deepEqual([batch.rows, batch.firstSeq, batch.lastSeq], [3, 41, 42]);
    const bytes = batch.written();
    assert.equal(bytes.readBigUInt64LE(0), 7n);
    assert.equal(bytes.readBigUInt64LE(8), 41n);
    assert.equal(bytes.readBigUInt64LE(first + 8), 42n);
    assert.equal(bytes.length, batch.length);
  });

  it("takes blocks of one month only, by the UTC calendar", async () => {
    const batch = new SinkBatch(1_024);
    assert.ok(batch.accepts(JANUARY + 1));
    add(batch, await streamed("a"), 1, 1, new RecentIds(16));
    assert.ok(batch.accepts(Date.UTC(2026, 0, 1)));
    assert.ok(!batch.accepts(JANUARY + 1));
    assert.ok(!batch.accepts(Date.UTC(2025, 0, 31)));
    const later = createdAt(await streamed("b"), JANUARY + 1);
    const { length } = batch;
    assert.throws(() => add(batch, later, 1, 2, new RecentIds(16)), { code: "INTERNAL" });
    assert.deepEqual([batch.rows, batch.length, batch.lastSeq], [1, length, 1]);
    batch.clear();
    add(batch, later, 1, 2, new RecentIds(16));
    assert.equal(batch.rows, 1);
  });

  it("leaves out stream predictions that are known, within a block and across blocks", async () => {
    const batch = new SinkBatch(1_024);
    const recent = new RecentIds(16);
    add(batch, await streamed("a", "b", "a"), 1, 1, recent);
    add(batch, await streamed("b", "c"), 1, 2, recent);
    assert.deepEqual([batch.rows, batch.repeats], [3, 2]);
  });

  it("keeps rows of other entrances, whose ids are random, without looking", async () => {
    const batch = new SinkBatch(1_024);
    const block = await blockOf([testRow(), testRow({ source: "batch" }), testRow({ source: "nats" })]);
    const recent = new RecentIds(16);
    add(batch, block, 1, 1, recent);
    add(batch, block, 1, 2, recent);
    assert.deepEqual([batch.rows, batch.repeats], [6, 0]);
  });

  it("adds nothing of a damaged block", async () => {
    const batch = new SinkBatch(1_024);
    const block = await streamed("a", "b");
    assert.throws(() => add(batch, block.subarray(0, -1), 1, 1, new RecentIds(16)), { code: "INTERNAL" });
    assert.deepEqual([batch.rows, batch.length, batch.firstSeq], [0, 0, 0]);
  });
});
