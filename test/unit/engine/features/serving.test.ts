/**
 * What is served of a store that an ingester fills, from the events of a stream to the values of a lookup: a value is whole,
 * or it is said that it cannot be had.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import type { EntityStore } from "../../../../engine/core/entity-store.ts";
import { type FeatureSet, parseFeatureSet } from "../../../../engine/core/feature-set.ts";
import { Metrics, SECONDS } from "../../../../engine/core/metrics.ts";
import { ActiveSets } from "../../../../engine/features/active-sets.ts";
import { EntityReader } from "../../../../engine/features/entity-reader.ts";
import { FeatureIngester } from "../../../../engine/features/feature-ingester.ts";
import { compileSetLookup } from "../../../../engine/features/feature-lookup.ts";
import { columnKeys } from "../../../../engine/features/known-columns.ts";
import { readOnlineFeatures } from "../../../../engine/features/online-features.ts";
import { MemoryEntityStore } from "../../../../storage/entity-store-memory.ts";
import { eventually } from "../../../support/eventually.ts";
import { FakeEventHistory } from "../../../support/fake-event-history.ts";
import { FakeFeatureStream } from "../../../support/fake-feature-stream.ts";
import { cardEvent } from "../../../support/feature-events.ts";

const LOGGER = pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" });
const count = (name: string, window: string) => ({
  name,
  kind: "window",
  aggregation: "count",
  window,
  default: -1,
});

function cards(version: string, features: readonly unknown[]): FeatureSet {
  return parseFeatureSet({ name: "cards", version, entity: { type: "card", key: "card_id" }, features });
}

const DAY = cards("1.0.0", [count("day", "24h")]);
const WEEK = cards("2.0.0", [
  count("week", "7d"),
  { ...count("spent", "7d"), aggregation: "sum", field: "amount" },
  { name: "city", kind: "online", type: "category", categories: ["Bern"], default: "Bern" },
]);

interface Values {
  readonly values: readonly unknown[];
  readonly status: Readonly<Record<string, string>>;
}

class Bench implements AsyncDisposable {
  readonly stream = new FakeFeatureStream();
  readonly history = new FakeEventHistory(this.stream);
  readonly sets = new ActiveSets();
  readonly store: EntityStore;
  readonly ingester: FeatureIngester;
  readonly #reader: EntityReader;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #added = 0;

  constructor(store: EntityStore = new MemoryEntityStore()) {
    this.store = store;
    const bounds = { storedWaitMs: 50, eventsMax: 10, stateBytesMax: 1, recentIdsMax: 1_024 };
    this.ingester = new FeatureIngester({
      source: this.stream,
      store,
      history: this.history,
      plans: () => this.sets.plans,
      ...bounds,
      logger: LOGGER,
    });
    const metrics = new Metrics();
    this.#reader = new EntityReader({
      store,
      cacheEntriesMax: 1,
      cacheMaxAgeMs: 0,
      readSeconds: metrics.histogram("read", "", SECONDS),
      hits: metrics.counter("hits", ""),
      misses: metrics.counter("misses", ""),
      unavailable: metrics.counter("unavailable", ""),
      logger: LOGGER,
    });
  }

  start(...sets: readonly FeatureSet[]): void {
    this.sets.replace(sets);
    this.#running = this.ingester.run(this.#stopping.signal);
  }

  /** Events of one card, all of amount 1. */
  add(events: number, card = "a"): void {
    for (let left = events; left > 0; left--) {
      const event = { amount: 1, city: null };
      this.stream.add({ ...cardEvent(this.#added++, 1, Date.now() - 1_000), entity_id: card, event });
    }
  }

  async untilApplied(): Promise<void> {
    const { lastSeq } = await this.stream.position();
    await eventually("all is applied", () => this.ingester.progress.seq === lastSeq);
  }

  async untilFilled(): Promise<void> {
    await eventually("all is filled", async () => {
      const position = await this.store.position();
      return position !== undefined && this.sets.lacking(position.columns).length === 0;
    });
  }

  async served(set: FeatureSet, card = "a"): Promise<Values> {
    const { rows } = await readOnlineFeatures(this.#reader, set, compileSetLookup(set), [card], {});
    const { values = [], status = {} } = rows[0] ?? {};
    return { values, status };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.store.close();
  }
}

describe("features of a store that is filled", () => {
  it("are unavailable until their columns are filled, also of entities without events", async () => {
    await using bench = new Bench();
    bench.start(DAY);
    bench.add(5);
    await bench.untilApplied();
    bench.history.isAway = true;
    bench.sets.replace([DAY, WEEK]);
    await eventually("filling was tried", () => bench.history.refusals > 0);
    bench.add(5);
    await bench.untilApplied();
    const unavailable = { week: "unavailable", spent: "unavailable", city: "unavailable" };
    for (const card of ["a", "nobody"])
      assert.deepEqual(await bench.served(WEEK, card), { values: [-1, -1, "Bern"], status: unavailable });
    assert.deepEqual(await bench.served(DAY), { values: [10], status: {} });
    bench.history.isAway = false;
    await bench.untilFilled();
    assert.deepEqual(await bench.served(WEEK), { values: [10, 10, "Bern"], status: { city: "missing" } });
    const none = { values: [0, 0, "Bern"], status: { city: "missing" } };
    assert.deepEqual(await bench.served(WEEK, "nobody"), none);
  });

  it("are unavailable when a window comes back that missed events while no set had it", async () => {
    await using bench = new Bench();
    const again = cards("3.0.0", [count("day", "24h")]);
    const other = cards("9.0.0", [{ name: "limit", kind: "online", field: "limit", ttl: "1h" }]);
    bench.start(DAY, other);
    bench.add(5);
    await bench.untilApplied();
    bench.sets.replace([other]);
    bench.add(5);
    await bench.untilApplied();
    bench.history.isAway = true;
    bench.sets.replace([again, other]);
    await eventually("filling was tried", () => bench.history.refusals > 0);
    bench.add(2);
    await bench.untilApplied();
    assert.deepEqual(await bench.served(again), { values: [-1], status: { day: "unavailable" } });
    bench.history.isAway = false;
    await bench.untilFilled();
    assert.deepEqual(await bench.served(again), { values: [12], status: {} });
  });

  it("are unavailable while the store is rebuilt from the stream: it holds the beginning of the past then", async () => {
    const memory = new MemoryEntityStore();
    const gate = { isOpen: false, passed: 0 };
    const store: EntityStore = {
      read: async (keys) => memory.read(keys),
      readWithPosition: async (keys) => memory.readWithPosition(keys),
      write: async (writes) => {
        if (gate.passed++ > 3) await eventually("the gate opens", () => gate.isOpen);
        await memory.write(writes);
      },
      position: async () => memory.position(),
      setPosition: async (position) => memory.setPosition(position),
      close: async () => memory.close(),
    };
    await using bench = new Bench(store);
    bench.add(200);
    bench.start(DAY);
    await eventually("a part is applied", () => bench.ingester.progress.seq > 10);
    assert.deepEqual(await bench.served(DAY), { values: [-1], status: { day: "unavailable" } });
    gate.isOpen = true;
    await bench.untilApplied();
    assert.deepEqual(await bench.served(DAY), { values: [200], status: {} });
    bench.add(1);
    await bench.untilApplied();
    assert.deepEqual(await bench.served(DAY), { values: [201], status: {} });
  });

  it("are served again although the end of the stream was deleted while the store was rebuilt", async () => {
    await using bench = new Bench();
    bench.add(20);
    bench.stream.messages.splice(-5);
    bench.start(DAY);
    await eventually("it is served", async () => (await bench.served(DAY)).status["day"] === undefined);
    assert.deepEqual(await bench.served(DAY), { values: [15], status: {} });
  });
});

describe("features of a store that is too small", () => {
  it("are unavailable for entities that it forgot, also when they have events again", async () => {
    await using bench = new Bench(new MemoryEntityStore({ bytesMax: 6_000 }));
    bench.start(DAY);
    bench.add(5);
    for (let card = 0; card < 40; card++) bench.add(1, `card-${card}`);
    bench.add(1);
    await bench.untilApplied();
    assert.deepEqual(await bench.served(DAY), { values: [-1], status: { day: "unavailable" } });
    assert.deepEqual(await bench.served(DAY, "card-39"), { values: [1], status: {} });
  });
});

describe("events that the stream let go of before they were applied", () => {
  const kinds = {
    "at its beginning": (bench: Bench) => bench.stream.trim(20),
    "in its middle": (bench: Bench) => void bench.stream.messages.splice(12, 5),
  };
  for (const [kind, remove] of Object.entries(kinds))
    it(`come from history, ${kind}`, async () => {
      const store = new MemoryEntityStore();
      const columns = new Bench(store).sets;
      columns.replace([DAY]);
      const keys = [...columns.plans].flatMap(([type, plan]) => columnKeys(type, plan));
      await store.setPosition({ epoch: 1, seq: 0, columns: keys });
      await using bench = new Bench(store);
      bench.add(30);
      remove(bench);
      bench.history.isAway = true;
      bench.start(DAY);
      await bench.untilApplied();
      assert.deepEqual(await bench.served(DAY), { values: [-1], status: { day: "unavailable" } });
      bench.history.isAway = false;
      await bench.untilFilled();
      await bench.untilApplied();
      assert.deepEqual(await bench.served(DAY), { values: [30], status: {} });
      bench.add(1);
      await bench.untilApplied();
      assert.deepEqual(await bench.served(DAY), { values: [31], status: {} });
    });
});
