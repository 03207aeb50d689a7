/** Columns that are filled from history, over a stream, a store and a history that fail on demand: each event counts once. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import { type FeatureSet, parseFeatureSet } from "../../../../engine/core/feature-set.ts";
import { ActiveSets } from "../../../../engine/features/active-sets.ts";
import { FeatureIngester } from "../../../../engine/features/feature-ingester.ts";
import { MemoryEntityStore } from "../../../../storage/entity-store-memory.ts";
import { eventually } from "../../../support/eventually.ts";
import { FakeEventHistory } from "../../../support/fake-event-history.ts";
import { FakeFeatureStream } from "../../../support/fake-feature-stream.ts";
import { type CardEvent, cardEvent, cardSet, widerCardSet } from "../../../support/feature-events.ts";
import { recomputed, storedValues } from "../../../support/set-values.ts";

const CARDS = 5;
const V1 = cardSet();
const V2 = widerCardSet();

const events = (count: number, first = 0): CardEvent[] =>
  Array.from({ length: count }, (_, index) => cardEvent(first + index, CARDS, Date.now() - 1_000));

class Bench {
  readonly stream = new FakeFeatureStream();
  readonly history = new FakeEventHistory(this.stream);
  readonly sets = new ActiveSets();
  readonly published: CardEvent[] = [];
  store = new MemoryEntityStore();
  ingester = this.#create();
  #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  add(added: readonly CardEvent[]): void {
    for (const event of added) this.stream.add(event);
    this.published.push(...added);
  }

  start(): void {
    this.#stopping = new AbortController();
    this.ingester = this.#create();
    this.#running = this.ingester.run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async restart(): Promise<void> {
    await this.stop();
    this.start();
  }

  async untilApplied(): Promise<void> {
    const { lastSeq } = await this.stream.position();
    await eventually("all is applied", async () => (await this.store.position())?.seq === lastSeq);
  }

  async untilFilled(set: FeatureSet): Promise<void> {
    await this.untilApplied();
    await eventually("the columns are known", async () => {
      const position = await this.store.position();
      return position !== undefined && this.sets.lacking(position.columns).every((one) => one !== set);
    });
  }

  /** Waits, and compares every value of the set with one computed from all events. */
  async expectValues(set: FeatureSet): Promise<void> {
    await this.untilFilled(set);
    await this.untilApplied();
    const expected = recomputed(set, this.published);
    assert.ok(expected.size > 0);
    assert.deepEqual(await storedValues(this.store, set, expected.keys()), expected);
  }

  #create(): FeatureIngester {
    return new FeatureIngester({
      source: this.stream,
      store: {
        read: async (keys) => this.store.read(keys),
        readWithPosition: async (keys) => this.store.readWithPosition(keys),
        write: async (writes) => this.store.write(writes),
        position: async () => this.store.position(),
        setPosition: async (position) => this.store.setPosition(position),
        close: async () => undefined,
      },
      history: this.history,
      plans: () => this.sets.plans,
      storedWaitMs: 50,
      eventsMax: 7,
      stateBytesMax: 1 << 20,
      recentIdsMax: 1_024,
      logger: pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" }),
    });
  }
}

/** A bench whose ingester runs, stopped at the end. */
async function withBench(check: (bench: Bench) => Promise<void>): Promise<void> {
  const bench = new Bench();
  bench.sets.replace([V1]);
  bench.start();
  try {
    await check(bench);
  } finally {
    await bench.stop();
    await bench.store.close();
  }
}

describe("a new feature set", () => {
  it("has all events that came before it, and those that come while it is filled, once", async () => {
    await withBench(async (bench) => {
      bench.add(events(200));
      bench.stream.add({ ...events(1)[0], event_id: "refused", event: { amount: 99, city: "Rome" } });
      await bench.expectValues(V1);
      assert.equal(bench.history.readings, 0, "what was there from the beginning needs no history");
      let chunks = 0;
      bench.history.onChunk = () => {
        if (++chunks % 3 === 0) bench.add(events(2, 200 + chunks));
      };
      bench.sets.replace([V1, V2]);
      await bench.expectValues(V2);
      await bench.expectValues(V1);
      assert.ok(bench.published.length > 210, "events came meanwhile");
      assert.equal(bench.history.readings, 1);
      bench.add(events(50, 1_000));
      await bench.expectValues(V2);
      await bench.restart();
      bench.add(events(50, 1_100));
      await bench.expectValues(V2);
      assert.equal(bench.history.readings, 1, "what is known stays known");
    });
  });

  it("takes effect with the events that were published before the ingester heard of it", async () => {
    await withBench(async (bench) => {
      bench.sets.replace([]);
      bench.add(events(20));
      await bench.untilApplied();
      bench.add(events(20, 20));
      bench.sets.replace([V1]);
      await bench.expectValues(V1);
    });
  });

  it("waits while the history is away or behind, says so, and the old features go on", async () => {
    await withBench(async (bench) => {
      bench.add(events(50));
      await bench.expectValues(V1);
      bench.history.isAway = true;
      bench.sets.replace([V1, V2]);
      await eventually("it was tried twice", () => bench.history.refusals > 1);
      bench.add(events(50, 50));
      await bench.expectValues(V1);
      const position = await bench.store.position();
      assert.deepEqual(bench.sets.lacking(position?.columns ?? []), [V2]);
      assert.equal(bench.ingester.progress.missing, 6, "it has another rule: it shares nothing");
      const half = await storedValues(bench.store, V2, ["card-1"]);
      assert.equal(half.get("card-1")?.["largest"], undefined, "a window is whole or not there");
      bench.history.storedSeq = 99;
      bench.history.isAway = false;
      await eventually("it was found to be behind", () => bench.history.asked > 2);
      bench.add(events(10, 100));
      await bench.expectValues(V1);
      assert.equal(bench.history.readings, 0);
      bench.history.storedSeq = Infinity;
      await bench.expectValues(V2);
      await bench.expectValues(V1);
    });
  });

  it("has the values that it keeps for longer than the version before, from states that would be forgotten", async () => {
    const kept = (version: string, ttl: string): FeatureSet =>
      parseFeatureSet({ ...V1, version, features: [{ name: "amount", kind: "online", ttl }] });
    const [short, long] = [kept("3.0.0", "1h"), kept("4.0.0", "30d")];
    await withBench(async (bench) => {
      let nowMs = Date.now();
      bench.store = new MemoryEntityStore({ now: () => nowMs });
      bench.sets.replace([short]);
      await bench.restart();
      bench.add(events(20));
      await bench.expectValues(short);
      bench.sets.replace([short, long]);
      await bench.untilFilled(long);
      nowMs += 2 * 3_600_000;
      assert.equal((await storedValues(bench.store, long, ["card-1"])).size, 1);
      await bench.expectValues(long);
    });
  });

  it("does not wait for what is never stored: repeats and rubbish at the end of the stream", async () => {
    await withBench(async (bench) => {
      bench.add(events(20));
      bench.stream.add(events(1)[0]);
      bench.stream.add("rubbish");
      await bench.untilApplied();
      bench.sets.replace([V1, V2]);
      await bench.expectValues(V2);
    });
  });

  it("is filled anew when that was interrupted, whatever was replaced by then", async () => {
    await withBench(async (bench) => {
      bench.add(events(100));
      await bench.expectValues(V1);
      bench.history.cuts.push(3, 0, 9);
      bench.sets.replace([V1, V2]);
      await bench.expectValues(V2);
      assert.equal(bench.history.readings, 4);
      await bench.expectValues(V1);
    });
  });

  it("is not filled up to a position that states are ahead of: the events between would be missing", async () => {
    await withBench(async (bench) => {
      bench.add(events(20));
      await bench.expectValues(V1);
      const before = await bench.store.position();
      assert.ok(before !== undefined);
      bench.add(events(5, 20));
      await bench.untilApplied();
      await bench.stop();
      await bench.store.setPosition(before); // a crash between states and position
      bench.sets.replace([V1, V2]);
      bench.start();
      await bench.expectValues(V2);
      await bench.expectValues(V1);
    });
  });

  it("stays filled when one of another entity type cannot be filled yet", async () => {
    await withBench(async (bench) => {
      bench.sets.replace([]);
      bench.add(events(20));
      const shop = parseFeatureSet({ ...V1, name: "shops", entity: { type: "shop", key: "shop_id" } });
      bench.stream.add(events(1)[0], "test.features.shop");
      await bench.untilApplied();
      bench.sets.replace([V1]);
      bench.add(events(20, 20));
      await bench.expectValues(V1);
      bench.history.cuts.push(Infinity, 0);
      bench.sets.replace([V1, V2, shop]);
      await bench.untilFilled(V2);
      bench.add(events(20, 40));
      await bench.expectValues(V2);
      await bench.expectValues(V1);
    });
  });

  it("lacks what it missed while it was away: what comes back is filled anew", async () => {
    await withBench(async (bench) => {
      bench.sets.replace([V1, V2]);
      bench.add(events(30));
      await bench.expectValues(V2);
      bench.sets.replace([V1]);
      bench.add(events(30, 30));
      await bench.expectValues(V1);
      bench.sets.replace([V1, V2]);
      await bench.expectValues(V2);
    });
  });
});

describe("a store that lost its data", () => {
  it("has all again from history and stream when the stream has lost its beginning, repeats known", async () => {
    await withBench(async (bench) => {
      bench.add(events(100));
      await bench.expectValues(V1);
      await bench.stop();
      bench.stream.trim(60);
      const [kept] = await bench.store.read([{ type: "card", id: "card-3" }]);
      assert.ok(kept !== undefined);
      bench.store = new MemoryEntityStore();
      await bench.store.write([{ type: "card", id: "card-3", state: kept, ttlMs: 600_000 }]); // as one node of several may
      bench.start();
      await bench.expectValues(V1);
      for (const event of events(10, 20)) bench.stream.add(event); // of before the stream's beginning
      bench.add(events(10, 100));
      await bench.expectValues(V1);
      assert.equal(bench.ingester.progress.duplicates, 10);
    });
  });

  it("serves nothing rather than half of it while the history is away", async () => {
    await withBench(async (bench) => {
      bench.add(events(100));
      await bench.expectValues(V1);
      await bench.stop();
      bench.stream.trim(60);
      bench.store = new MemoryEntityStore();
      bench.history.isAway = true;
      bench.start();
      await bench.untilApplied();
      assert.equal(bench.store.entries, 0);
      bench.history.isAway = false;
      await bench.expectValues(V1);
    });
  });

  it("keeps what came through an earlier stream, and fills new sets from it too", async () => {
    await withBench(async (bench) => {
      bench.add(events(30));
      await bench.expectValues(V1);
      bench.stream.recreate();
      await eventually("the new stream is read", () => bench.ingester.progress.epoch === 2);
      bench.sets.replace([V1, V2]);
      await bench.untilFilled(V2);
      bench.add(events(30, 30));
      await bench.expectValues(V2);
      await bench.expectValues(V1);
    });
  });
});

describe("an order to fill everything anew", () => {
  it("replaces every state, also one that the ingester holds, and the ingester goes on", async () => {
    await withBench(async (bench) => {
      bench.add(events(100));
      await bench.expectValues(V1);
      await bench.stop();
      const [other] = await bench.store.read([{ type: "card", id: "card-1" }]);
      assert.ok(other !== undefined);
      await bench.store.write([{ type: "card", id: "card-2", state: other, ttlMs: 600_000 }]);
      bench.start();
      bench.add(events(5, 200));
      await bench.untilApplied();
      bench.ingester.materialize(17);
      assert.equal(bench.ingester.progress.ordered, 17);
      bench.add(events(30, 100));
      await eventually("it is done", () => bench.ingester.progress.filled === 17);
      await bench.expectValues(V1);
    });
  });

  it("is carried out once the history is there, and nothing is missing meanwhile", async () => {
    await withBench(async (bench) => {
      bench.add(events(50));
      await bench.expectValues(V1);
      bench.history.isAway = true;
      bench.ingester.materialize(1);
      await eventually("it was tried", () => bench.history.refusals > 0);
      bench.add(events(50, 50));
      await bench.expectValues(V1);
      assert.equal(bench.ingester.progress.filled, 0);
      bench.history.isAway = false;
      await eventually("it is done", () => bench.ingester.progress.filled === 1);
      await bench.expectValues(V1);
    });
  });
});
