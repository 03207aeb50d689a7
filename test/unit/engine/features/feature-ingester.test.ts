/** The ingester over a stream and a store that fail on demand: every event counts once, in order, whatever happens. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import type {
  EntityKey,
  EntityStore,
  EntityWrite,
  IngestPosition,
  StoreReading,
} from "../../../../engine/core/entity-store.ts";
import { EngineError } from "../../../../engine/core/errors.ts";
import type { ColumnPlan } from "../../../../engine/features/column-plan.ts";
import { FeatureIngester } from "../../../../engine/features/feature-ingester.ts";
import { MemoryEntityStore } from "../../../../storage/entity-store-memory.ts";
import { eventually } from "../../../support/eventually.ts";
import { FakeEventHistory } from "../../../support/fake-event-history.ts";
import { FakeFeatureStream } from "../../../support/fake-feature-stream.ts";
import {
  CARD_PLANS,
  type CardEvent,
  cardEvent,
  storedTotals,
  totalsOf,
} from "../../../support/feature-events.ts";

const CARDS = 5;

/** The in-process store, with the faults of one that is reached over a network. */
class FaultyStore implements EntityStore {
  memory = new MemoryEntityStore();
  isAway = false;
  reads = 0;
  refusals = 0;
  /** Consumed one per writing: what goes wrong after it. */
  readonly faults: ("answer lost" | "data lost" | "position's answer lost")[] = [];

  async read(keys: readonly EntityKey[]): Promise<(Buffer | undefined)[]> {
    this.#expectReachable();
    if (keys.length > 0) this.reads++;
    return this.memory.read(keys);
  }

  async readWithPosition(keys: readonly EntityKey[]): Promise<StoreReading> {
    this.#expectReachable();
    return this.memory.readWithPosition(keys);
  }

  async write(writes: readonly EntityWrite[]): Promise<void> {
    this.#expectReachable();
    const writing = this.memory.write(writes);
    if (this.faults[0] === "data lost" && this.faults.shift()) this.lose();
    await writing;
    if (this.faults[0] === "answer lost" && this.faults.shift()) throw unavailable();
  }

  async position(): Promise<IngestPosition | undefined> {
    this.#expectReachable();
    return this.memory.position();
  }

  async setPosition(position: IngestPosition): Promise<void> {
    this.#expectReachable();
    await this.memory.setPosition(position);
    if (this.faults[0] === "position's answer lost" && this.faults.shift()) throw unavailable();
  }

  lose(): void {
    void this.memory.close();
    this.memory = new MemoryEntityStore();
  }

  async close(): Promise<void> {
    await this.memory.close();
  }

  #expectReachable(): void {
    if (!this.isAway) return;
    this.refusals++;
    throw unavailable();
  }
}

function unavailable(): EngineError {
  return new EngineError("SERVICE_UNAVAILABLE", "away");
}

interface Bench {
  readonly stream: FakeFeatureStream;
  readonly store: FaultyStore;
  readonly ingester: FeatureIngester;
  /** Waits until all is applied, and compares every card. */
  expectTotals(events: readonly CardEvent[]): Promise<void>;
}

interface Bounds {
  readonly plans?: () => ReadonlyMap<string, ColumnPlan>;
  readonly statesMax?: number;
  readonly recentIdsMax?: number;
  readonly eventsMax?: number;
}

/** `restarted`: what holds for a second ingester, after the first has stopped. */
async function withIngester(
  prepare: (stream: FakeFeatureStream, store: FaultyStore) => Promise<void> | void,
  check: (bench: Bench) => Promise<void>,
  options: Bounds = {},
  restarted?: (bench: Bench) => Promise<void>,
): Promise<void> {
  const stream = new FakeFeatureStream();
  const store = new FaultyStore();
  await prepare(stream, store);
  await runIngester(stream, store, check, options);
  if (restarted !== undefined) await runIngester(stream, store, restarted, options);
  await store.close();
}

async function runIngester(
  stream: FakeFeatureStream,
  store: FaultyStore,
  check: (bench: Bench) => Promise<void>,
  options: Bounds,
): Promise<void> {
  const ingester = new FeatureIngester({
    source: stream,
    store,
    history: new FakeEventHistory(stream),
    plans: () => CARD_PLANS,
    storedWaitMs: 100,
    eventsMax: 7,
    statesMax: 3,
    recentIdsMax: 1_024,
    ...options,
    logger: pino({ level: "silent" }),
  });
  const stopping = new AbortController();
  const running = ingester.run(stopping.signal);
  const expectTotals = async (events: readonly CardEvent[]): Promise<void> => {
    const { epoch, lastSeq } = await stream.position();
    await eventually(`all up to ${lastSeq} is applied`, async () => {
      const position = await store.memory.position();
      return position?.epoch === epoch && position.seq === lastSeq && ingester.progress.seq === lastSeq;
    });
    const expected = totalsOf(events);
    assert.deepEqual(await storedTotals(store.memory, expected.keys()), expected);
  };
  try {
    await check({ stream, store, ingester, expectTotals });
  } finally {
    stopping.abort();
    await running;
  }
}

const events = (count: number, first = 0): CardEvent[] =>
  Array.from({ length: count }, (_, index) => cardEvent(first + index, CARDS, Date.now() - 1_000));

describe("the ingester", () => {
  it("applies every event, in the order of the stream", async () => {
    const all = events(100);
    await withIngester(
      (stream) => all.forEach((event) => stream.add(event)),
      async ({ ingester, expectTotals }) => {
        await expectTotals(all);
        const { seq, events: taken, duplicates, tooLate, rejected } = ingester.progress;
        assert.deepEqual([seq, taken, duplicates, tooLate, rejected], [100, 100, 0, 0, 0]);
      },
    );
  });

  it("counts an event that was published again once, also across a restart", async () => {
    const all = events(30);
    const twice = [...all, ...all.slice(0, 10)];
    await withIngester(
      (stream) => twice.forEach((event) => stream.add(event)),
      async ({ ingester, expectTotals }) => {
        await expectTotals(all);
        assert.equal(ingester.progress.duplicates, 10);
      },
      {},
      async ({ stream, ingester, expectTotals }) => {
        for (const event of all.slice(10, 20)) stream.add(event);
        await expectTotals(all);
        assert.equal(ingester.progress.duplicates, 10);
      },
    );
  });

  it("puts what is no event aside with the reason, once though it is read again, and goes on", async () => {
    const [good, other] = events(2) as [CardEvent, CardEvent];
    await withIngester(
      (stream) => {
        stream.add(good);
        stream.add("rubbish");
        stream.add({ ...other, event: { amount: "a lot", city: null } });
        stream.add({ ...good, event_id: "future", event_time: Date.now() + 3_600_000 });
        stream.add({ ...good, event_id: "odd" }, "test.features.Card");
        stream.add(events(1, 7)[0]);
      },
      async ({ stream, store, ingester, expectTotals }) => {
        const all = [good, ...events(1, 7)];
        await expectTotals(all);
        assert.equal(ingester.progress.rejected, 4);
        store.lose();
        await eventually("the store is filled anew", async () => (await store.memory.position())?.seq === 6);
        await expectTotals(all);
        assert.deepEqual(
          stream.rejected.map(({ seq }) => seq),
          [2, 3, 4, 5],
        );
        const reasons = stream.rejected.map(({ reason }) => reason);
        for (const [index, pattern] of [
          /not JSON/,
          /^amount must be a number/,
          /^event_time/,
          /entity type/,
        ].entries())
          assert.match(reasons[index] ?? "", pattern);
      },
    );
  });

  it("takes the id of an event whose values are refused as used, as the table of events does", async () => {
    const [event] = events(1) as [CardEvent];
    await withIngester(
      (stream) => {
        stream.add({ ...event, event: { amount: "a lot" } });
        stream.add(event);
      },
      async ({ ingester, expectTotals }) => {
        await expectTotals([]);
        assert.deepEqual([ingester.progress.rejected, ingester.progress.duplicates], [1, 1]);
      },
    );
  });

  it("counts events that no window takes because they are too late", async () => {
    const late = cardEvent(1, CARDS, Date.now() - 2 * 3_600_000);
    const all = events(1);
    await withIngester(
      (stream) => [late, ...all].forEach((event) => stream.add(event)),
      async ({ ingester, expectTotals }) => {
        await expectTotals(all);
        assert.deepEqual([ingester.progress.events, ingester.progress.tooLate], [2, 1]);
      },
    );
  });

  it("passes over events of entity types that have no feature set, and fills them in once they have one", async () => {
    let plans: ReadonlyMap<string, ColumnPlan> = new Map();
    const before = events(3);
    const after = events(3, 3);
    await withIngester(
      (stream) => before.forEach((event) => stream.add(event)),
      async ({ stream, ingester, expectTotals }) => {
        await eventually("all is passed over", () => ingester.progress.seq === 3);
        plans = CARD_PLANS;
        for (const event of after) stream.add(event);
        await expectTotals([...before, ...after]);
      },
      { plans: () => plans },
    );
  });

  it("waits for a store that is away, and loses nothing", async () => {
    const all = events(40);
    await withIngester(
      (stream, store) => {
        for (const event of all.slice(0, 20)) stream.add(event);
        store.isAway = true;
      },
      async ({ stream, store, expectTotals }) => {
        await eventually("it was tried several times", () => store.refusals > 2);
        assert.equal(stream.followed.length, 0);
        store.isAway = false;
        await expectTotals(all.slice(0, 20));
        store.isAway = true;
        for (const event of all.slice(20)) stream.add(event);
        const { refusals } = store;
        await eventually("it was tried several times", () => store.refusals > refusals + 2);
        store.isAway = false;
        await expectTotals(all);
      },
    );
  });

  it("writes again what the store may not have, and doubles nothing that it has", async () => {
    const all = events(60);
    await withIngester(
      (stream, store) => {
        store.faults.push("answer lost", "position's answer lost", "answer lost", "position's answer lost");
        for (const event of all) stream.add(event);
      },
      async ({ store, expectTotals }) => {
        await expectTotals(all);
        assert.equal(store.faults.length, 0);
      },
    );
  });

  it("fills a store that lost its data anew, noticing it before it writes and between states and position", async () => {
    const all = events(60);
    await withIngester(
      (stream, store) => {
        store.faults.push("data lost");
        for (const event of all.slice(0, 50)) stream.add(event);
      },
      async ({ stream, store, expectTotals }) => {
        await expectTotals(all.slice(0, 50));
        store.lose();
        for (const event of all.slice(50)) stream.add(event);
        await expectTotals(all);
        store.lose(); // and while there are no events
        await eventually("the store is filled anew", async () => (await store.memory.position())?.seq === 60);
        await expectTotals(all);
      },
    );
  });

  it("keeps what it knows when only the reading is interrupted", async () => {
    const all = events(20);
    await withIngester(
      (stream) => all.slice(0, 10).forEach((event) => stream.add(event)),
      async ({ stream, store, expectTotals }) => {
        await expectTotals(all.slice(0, 10));
        const { reads } = store;
        stream.interruptions = 2;
        for (const event of all.slice(10)) stream.add(event);
        for (const event of all.slice(0, 10)) stream.add(event);
        await expectTotals(all);
        assert.equal(stream.followed.at(-1), 11);
        assert.equal(store.reads, reads);
      },
      { statesMax: 100 },
    );
  });

  it("reads a stream that was made anew from its beginning, and keeps what came through the old one", async () => {
    const all = events(20);
    await withIngester(
      (stream) => all.slice(0, 10).forEach((event) => stream.add(event)),
      async ({ stream, expectTotals }) => {
        await expectTotals(all.slice(0, 10));
        stream.recreate();
        for (const event of all.slice(10)) stream.add(event);
        await expectTotals(all);
      },
    );
  });

  it("remembers the ids of only so many events before its position when it starts", async () => {
    const all = events(50);
    await withIngester(
      (stream) => all.forEach((event) => stream.add(event)),
      async ({ expectTotals }) => expectTotals(all),
      { recentIdsMax: 16 },
      async ({ stream, expectTotals }) => {
        stream.add(all.at(-10));
        await expectTotals(all);
        assert.deepEqual(stream.followed, [1, 35]);
      },
    );
  });

  it("reads the states of one reading in one call, and those of busy entities once", async () => {
    const all = events(200);
    await withIngester(
      (stream) => all.forEach((event) => stream.add(event)),
      async ({ store, expectTotals }) => {
        await expectTotals(all);
        assert.equal(store.reads, 1);
      },
      { statesMax: CARDS, eventsMax: 50 },
    );
  });
});
