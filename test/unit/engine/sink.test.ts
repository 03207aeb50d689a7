/** The sink under faults that real servers show too rarely: lost answers, an absent store, gaps, damage, month's ends. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import { readPredictionRows } from "../../../engine/prediction-rows.ts";
import { RecentIds } from "../../../engine/recent-ids.ts";
import { Sink, type SinkSource, type SinkStore } from "../../../engine/sink.ts";
import type { SinkMessage } from "../../../engine/sink-batch.ts";
import { eventually } from "../../support/eventually.ts";
import { blockOf, createdAt, testRow } from "../../support/log-blocks.ts";

/** A table that keeps what it is told to, and forgets no token, like ClickHouse's. */
class FakeStore implements SinkStore {
  readonly inserts: { rows: Buffer; token: string }[] = [];
  readonly attempts: string[] = [];
  /** Consumed one per insert: what goes wrong with it. */
  readonly faults: ("answer lost" | "refused")[] = [];
  /** Messages whose rows it cannot read. */
  readonly unreadable = new Set<number>();
  isAway = false;
  prepared = 0;
  /** What is said of running inserts, one answer per question; then none. */
  readonly running: number[] = [];

  async prepare(): Promise<void> {
    this.prepared++;
    if (this.isAway) throw new Error("away");
  }

  async insert(rows: Uint8Array, token: string): Promise<string | undefined> {
    this.attempts.push(token);
    const fault = this.faults.shift();
    if (this.isAway || fault === "refused") throw new Error("not inserted");
    const [first = 0, last = 0] = token.slice("5:".length).split("-").map(Number);
    if ([...this.unreadable].some((seq) => first <= seq && seq <= last)) return "cannot read all data";
    if (!this.inserts.some((insert) => insert.token === token))
      this.inserts.push({ rows: Buffer.from(rows), token });
    if (fault === "answer lost") throw new Error("socket hang up");
    return undefined;
  }

  async runningInserts(): Promise<number> {
    return this.running.shift() ?? 0;
  }

  async lastSeq(): Promise<number> {
    if (this.isAway) throw new Error("away");
    return Math.max(0, ...this.inserts.map(({ token }) => Number(token.split("-")[1])));
  }

  async recentIds(): Promise<Buffer> {
    return Buffer.alloc(0);
  }
}

class FakeLog implements SinkSource {
  readonly messages: SinkMessage[] = [];
  readonly rejected: number[] = [];
  /** Consumed one per rejection: it fails. */
  readonly rejectFaults: Error[] = [];
  messagesMax = 1_000;
  /** Sequences that one reading leaves out, as if they were lost on the way. */
  readonly skipped = new Set<number>();

  add(data: Uint8Array, seq = (this.messages.at(-1)?.seq ?? 0) + 1): void {
    this.messages.push({ seq, subject: "", data, atMs: 0 });
  }

  async position(): Promise<{ epoch: number; firstSeq: number; lastSeq: number }> {
    return { epoch: 5, firstSeq: this.messages[0]?.seq ?? 1, lastSeq: this.messages.at(-1)?.seq ?? 0 };
  }

  async read(seq: number): Promise<readonly SinkMessage[]> {
    await new Promise((resolve) => setImmediate(resolve));
    const found = this.messages.filter((message) => message.seq >= seq && !this.skipped.delete(message.seq));
    return found.slice(0, this.messagesMax);
  }

  async reject({ seq }: SinkMessage): Promise<void> {
    const fault = this.rejectFaults.shift();
    if (fault !== undefined) throw fault;
    this.rejected.push(seq);
  }
}

async function withSink(
  prepare: (log: FakeLog, store: FakeStore) => Promise<void> | void,
  check: (log: FakeLog, store: FakeStore, sink: Sink) => Promise<void>,
  rowsMax = 1_000,
  flushMs = 5,
): Promise<void> {
  const log = new FakeLog();
  const store = new FakeStore();
  await prepare(log, store);
  const stopping = new AbortController();
  const logger = pino({ level: "silent" });
  const sink = new Sink({
    source: log,
    store,
    rowsOf: readPredictionRows,
    rowsMax,
    bytesMax: 1 << 20,
    recentIdsMax: 1_024,
    createRecent: (capacity: number) => new RecentIds(capacity),
    flushMs,
    logger,
  });
  const running = sink.run(stopping.signal);
  try {
    await check(log, store, sink);
  } finally {
    stopping.abort();
    await running;
  }
}

const block = async (rows = 1): Promise<Buffer> => blockOf(Array.from({ length: rows }, () => testRow()));
const stored = async (sink: Sink, seq: number): Promise<void> => {
  await eventually(`all up to ${seq} is stored`, () => sink.progress.seq >= seq);
};

describe("the sink", () => {
  it("stores messages in order, and once when the answer to an insert is lost", async () => {
    await withSink(
      async (log, store) => {
        for (let count = 0; count < 3; count++) log.add(await block());
        store.faults.push("answer lost");
      },
      async (_, store, sink) => {
        await stored(sink, 3);
        assert.deepEqual(
          store.inserts.map(({ token }) => token),
          ["5:1-3"],
        );
        assert.equal(sink.progress.rows, 3);
      },
    );
  });

  it("tries an insert that was refused again with the same rows under the same token", async () => {
    await withSink(
      async (log, store) => {
        log.add(await block());
        store.faults.push("refused", "refused");
      },
      async (log, store, sink) => {
        await stored(sink, 1);
        log.add(await block());
        await stored(sink, 2);
        assert.deepEqual(store.attempts, ["5:1-1", "5:1-1", "5:1-1", "5:2-2"]);
        assert.equal(store.inserts.length, 2);
      },
    );
  });

  it("waits for a store that is away, and loses nothing", async () => {
    await withSink(
      async (log, store) => {
        store.isAway = true;
        log.add(await block(2));
      },
      async (_, store, sink) => {
        assert.equal(sink.progress.seq, 0);
        store.isAway = false;
        await stored(sink, 1);
        assert.equal(sink.progress.rows, 2);
      },
    );
  });

  it("goes on behind what is stored, and starts over at a gap instead of leaving rows out", async () => {
    await withSink(
      async (log, store) => {
        for (let count = 0; count < 5; count++) log.add(await block());
        await store.insert(Buffer.alloc(1), "5:1-2");
        log.skipped.add(4);
      },
      async (_, store, sink) => {
        await stored(sink, 5);
        assert.equal(store.prepared, 2);
        assert.equal(sink.progress.rows, 3);
        assert.equal(store.inserts.at(-1)?.token.split("-")[1], "5");
      },
    );
  });

  it("looks at what is stored only when no insert of an earlier sink runs any more", async () => {
    await withSink(
      async (log, store) => {
        log.add(await block());
        store.running.push(1, 1);
      },
      async (_, store, sink) => {
        await stored(sink, 1);
        assert.equal(store.prepared, 3);
      },
    );
  });

  it("does not pause while a reading is as long as a reading can be", async () => {
    await withSink(
      async (log) => {
        log.messagesMax = 1;
        for (let count = 0; count < 3; count++) log.add(await block());
      },
      async (_, __, sink) => stored(sink, 3),
      1_000,
      60_000,
    );
  });

  it("goes on behind messages that somebody deleted", async () => {
    await withSink(
      async (log) => {
        log.add(await block(), 10);
        log.add(await block(), 11);
      },
      async (_, __, sink) => {
        await stored(sink, 11);
        assert.equal(sink.progress.rows, 2);
      },
    );
  });

  it("believes a gap in the middle when it is still there at the second reading", async () => {
    await withSink(
      async (log) => {
        log.add(await block(), 1);
        log.add(await block(), 4);
      },
      async (_, store, sink) => {
        await stored(sink, 4);
        assert.equal(sink.progress.rows, 2);
        assert.equal(store.prepared, 2);
      },
    );
  });

  it("puts a damaged block aside and stores its neighbours", async () => {
    await withSink(
      async (log) => {
        log.add(await block());
        log.add(Buffer.from("rubbish"));
        log.add(await block());
      },
      async (log, _, sink) => {
        await stored(sink, 3);
        assert.deepEqual(log.rejected, [2]);
        assert.equal(sink.progress.rows, 2);
      },
    );
  });

  it("inserts messages one by one when their rows are refused, puts the bad one aside and goes on in batches", async () => {
    await withSink(
      async (log, store) => {
        for (let count = 0; count < 3; count++) log.add(await block());
        store.unreadable.add(2);
      },
      async (log, store, sink) => {
        await stored(sink, 3);
        assert.deepEqual(store.attempts, ["5:1-3", "5:1-1", "5:2-2", "5:3-3"]);
        assert.deepEqual(log.rejected, [2]);
        const late = [await block(), await block()];
        for (const one of late) log.add(one);
        await stored(sink, 5);
        assert.deepEqual(
          store.inserts.map(({ token }) => token),
          ["5:1-1", "5:3-3", "5:4-5"],
        );
        assert.equal(sink.progress.rows, 4);
      },
    );
  });

  it("stores each row once though the answer, the dead letter or the insert fails between two of those", async () => {
    await withSink(
      async (log, store) => {
        for (let count = 0; count < 4; count++) log.add(await block());
        store.unreadable.add(2).add(4);
        log.rejectFaults.push(new Error("no stream"));
      },
      async (log, store, sink) => {
        await eventually("the first is stored", () => store.inserts.length === 1);
        store.faults.push("answer lost");
        await stored(sink, 4);
        assert.deepEqual(log.rejected, [2, 4]);
        assert.deepEqual(
          store.inserts.map(({ token }) => token),
          ["5:1-1", "5:3-3"],
        );
        assert.equal(sink.progress.rows, 2);
      },
    );
  });

  it("stores a stream prediction whose first copy was in a block that was put aside", async () => {
    const copy = await blockOf([testRow({ source: "stream", idempotencyKey: "k" })]);
    await withSink(
      async (log, store) => {
        for (let count = 0; count < 2; count++) log.add(copy);
        store.unreadable.add(1);
      },
      async (log, store, sink) => {
        await stored(sink, 2);
        assert.deepEqual(log.rejected, [1]);
        assert.deepEqual(
          store.inserts.map(({ token }) => token),
          ["5:2-2"],
        );
      },
    );
  });

  it("starts another insert with another month, and at its bound of rows", async () => {
    const january = Date.UTC(2026, 0, 31);
    await withSink(
      async (log) => {
        for (const day of [0, 0, 1, 1]) log.add(createdAt(await block(), january + day * 86_400_000));
        for (let count = 0; count < 2; count++) log.add(createdAt(await block(4), january + 86_400_000));
      },
      async (_, store, sink) => {
        await stored(sink, 6);
        assert.deepEqual(
          store.inserts.map(({ token }) => token),
          ["5:1-2", "5:3-4", "5:5-5", "5:6-6"],
        );
      },
      5,
    );
  });

  it("counts repeats of stream predictions as stored, though there is nothing to insert", async () => {
    const repeat = await blockOf([testRow({ source: "stream", idempotencyKey: "k" })]);
    await withSink(
      (log) => log.add(repeat),
      async (log, store, sink) => {
        await stored(sink, 1);
        log.add(repeat);
        await stored(sink, 2);
        assert.equal(store.inserts.length, 1);
        assert.equal(sink.progress.repeats, 1);
      },
    );
  });
});
