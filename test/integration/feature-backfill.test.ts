/**
 * New feature sets over real servers: filled from ClickHouse, they have the values that all events give, whatever comes
 * meanwhile and whatever is away. And the history itself: what comes out is what went in.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { HistoryEvent } from "../../engine/core/event-history.ts";
import type { FeatureEvent, FieldValue } from "../../engine/core/feature-event.ts";
import type { FeatureSet } from "../../engine/core/feature-set.ts";
import { ActiveSets } from "../../engine/features/active-sets.ts";
import { MemoryEntityStore } from "../../storage/entity-store-memory.ts";
import { ClickHouseEventHistory } from "../../storage/event-history.ts";
import { startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { eventually } from "../support/eventually.ts";
import { type CardEvent, cardEvent, cardSet, widerCardSet } from "../support/feature-events.ts";
import { FeaturePlane } from "../support/feature-plane.ts";
import { startTestNats, type TestNats } from "../support/nats.ts";
import { createRandom } from "../support/random.ts";
import { recomputed, storedValues } from "../support/set-values.ts";

const CARDS = 700;
const WAIT_MS = 60_000;
const V1 = cardSet();
const V2 = widerCardSet();
const random = createRandom();

const events = (count: number, first = 0): CardEvent[] =>
  Array.from({ length: count }, (_, index) => cardEvent(first + index, CARDS, Date.now()));

async function untilFilled(store: MemoryEntityStore, sets: ActiveSets, lastSeq: number): Promise<void> {
  await eventually(
    "all is applied and filled",
    async () => {
      const position = await store.position();
      return position?.seq === lastSeq && sets.lacking(position.columns).length === 0;
    },
    WAIT_MS,
  );
}

async function expectValues(
  store: MemoryEntityStore,
  set: FeatureSet,
  published: readonly CardEvent[],
): Promise<void> {
  const expected = recomputed(set, published);
  assert.deepEqual(await storedValues(store, set, expected.keys()), expected);
}

describe(`columns filled from ClickHouse (TEST_SEED=${random.seed})`, () => {
  let nats: TestNats;
  let clickhouse: TestClickhouse;
  before(async () => {
    [nats, clickhouse] = await Promise.all([startTestNats(), startTestClickhouse()]);
  });
  after(async () => {
    await Promise.all([nats.stop(), clickhouse.remove()]);
  });

  it("have all events from before and those that are published while they are filled, once", async () => {
    await using plane = await FeaturePlane.open(nats.url, "meanwhile");
    const store = new MemoryEntityStore();
    const sets = new ActiveSets();
    sets.replace([V1]);
    const history = new ClickHouseEventHistory(clickhouse.client, "fill_meanwhile");
    const ingester = plane.startIngester(store, { history, plans: () => sets.plans });
    plane.startSink(clickhouse.client, "fill_meanwhile");
    const published = events(6_000);
    await plane.publish([...published, ...published.slice(0, 300)]);
    sets.replace([V1, V2]);
    let burst = 0;
    while (ingester.part.progress.backfill === undefined && ingester.part.progress.missing >= 0) {
      const some = events(100, 6_000 + 100 * burst++);
      await plane.publish(some);
      published.push(...some);
      const position = await store.position();
      if (position !== undefined && sets.lacking(position.columns).length === 0) break;
    }
    const last = events(100, 90_000);
    await plane.publish(last);
    published.push(...last);
    await untilFilled(store, sets, await plane.lastSeq());
    assert.ok(burst > 0);
    await expectValues(store, V2, published);
    await expectValues(store, V1, published);
  });

  it("come when ClickHouse is back, and those that are known go on until then", async () => {
    const own = await startTestClickhouse();
    await using plane = await FeaturePlane.open(nats.url, "away");
    const store = new MemoryEntityStore();
    const sets = new ActiveSets();
    sets.replace([V1]);
    const history = new ClickHouseEventHistory(own.client, "fill_away");
    const ingester = plane.startIngester(store, { history, plans: () => sets.plans });
    const sink = plane.startSink(own.client, "fill_away");
    const published = events(2_000);
    await plane.publish(published);
    await eventually("all is stored", () => sink.part.progress.seq === 2_000, WAIT_MS);
    await sink.stop();
    const port = Number(new URL(own.url).port);
    await own.stop("SIGKILL");
    sets.replace([V1, V2]);
    const more = events(500, 2_000);
    await plane.publish(more);
    published.push(...more);
    await eventually("the known ones go on", () => ingester.part.progress.seq === 2_500, WAIT_MS);
    await expectValues(store, V1, published);
    assert.ok(ingester.part.progress.missing > 0);
    await ingester.stop();
    const back = await startTestClickhouse({ dataDir: own.dataDir, port });
    try {
      const restarted = {
        history: new ClickHouseEventHistory(back.client, "fill_away"),
        plans: () => sets.plans,
      };
      plane.startIngester(store, restarted);
      plane.startSink(back.client, "fill_away");
      await untilFilled(store, sets, await plane.lastSeq());
      await expectValues(store, V2, published);
      await expectValues(store, V1, published);
    } finally {
      await plane[Symbol.asyncDispose]();
      await back.remove();
    }
  });

  it("are all there again after the store lost its data and the stream its beginning", async () => {
    await using plane = await FeaturePlane.open(nats.url, "trimmed");
    const sets = new ActiveSets();
    sets.replace([V1, V2]);
    const history = new ClickHouseEventHistory(clickhouse.client, "fill_trimmed");
    const sink = plane.startSink(clickhouse.client, "fill_trimmed");
    const published = events(5_000);
    await plane.publish(published);
    await eventually("all is stored", () => sink.part.progress.seq === 5_000, WAIT_MS);
    await plane.manager.streams.purge("TRIMMED_FEATURES", { seq: 4_001 });
    await plane.publish(published.slice(3_500, 3_700)); // again, of before the stream's beginning
    const store = new MemoryEntityStore();
    plane.startIngester(store, { history, plans: () => sets.plans });
    const more = events(300, 5_000);
    await plane.publish(more);
    published.push(...more);
    await untilFilled(store, sets, await plane.lastSeq());
    await expectValues(store, V2, published);
    await expectValues(store, V1, published);
  });

  it("come from a history that gives back what was stored, entity by entity, to the last bit", async () => {
    await using plane = await FeaturePlane.open(nats.url, "bits");
    const history = new ClickHouseEventHistory(clickhouse.client, "fill_bits");
    const texts = ["", "Zürich 🏔", "'\\\n\0", "x".repeat(1_000)];
    const fieldsOf = (index: number): Record<string, FieldValue> => ({
      amount: random.between(-1_000_000, 1_000_000) / 7,
      big: -1.7e300,
      one: 1,
      yes: true,
      no: index % 2 === 0,
      text: texts[index % texts.length] ?? "",
      gone: null,
      ["__proto__"]: index,
    });
    const sent = Array.from({ length: 3_000 }, (_, index) => ({
      event_id: `e${index}`,
      entity_id: `entity ${index % 37} é`,
      event_time: Date.now() - random.between(0, 1_000_000),
      [index % 3 === 0 ? "values" : "event"]: fieldsOf(index),
    }));
    const sink = plane.startSink(clickhouse.client, "fill_bits");
    await plane.publish(sent, "thing");
    await plane.publish(sent.slice(0, 10), "other");
    await eventually("all is stored", () => sink.part.progress.seq === 3_010, WAIT_MS);
    const { epoch } = await plane.reader.position();
    const range = { entityType: "thing", epoch, seq: 2_900, sinceMs: 0 };
    const found: HistoryEvent[] = [];
    for await (const some of history.events(range)) found.push(...some);
    assert.equal(found.length, await history.count(range));
    assert.deepEqual(
      found.map(({ event }) => event.entityId),
      found.map(({ event }) => event.entityId).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    const bySeq = new Map(found.map(({ event }) => [event.seq, event]));
    assert.equal(bySeq.size, 2_900);
    let last: FeatureEvent | undefined;
    for (const { event } of found) {
      if (event.entityId === last?.entityId)
        assert.ok(event.seq > last.seq, "an entity's events are in order");
      last = event;
    }
    for (const event of sent) {
      const fields = (event["event"] ?? event["values"]) as Record<string, FieldValue>;
      const index = Number(fields["__proto__"]);
      const stored = [...bySeq.values()].find((one) => one.fields["__proto__"] === index);
      if (stored === undefined) continue;
      const { gone, ...rest } = fields;
      assert.deepEqual({ ...stored.fields }, rest);
      assert.equal(gone, null);
      assert.deepEqual(
        [stored.entityId, stored.eventMs, stored.isEvent],
        [event.entity_id, event.event_time, event["event"] !== undefined],
      );
    }
    const [recent, earlier] = [
      { ...range, sinceMs: Date.now() - 500_000 },
      { ...range, epoch: epoch - 1 },
    ];
    const since = found.filter(({ event }) => event.eventMs >= recent.sinceMs);
    assert.equal(await history.count(recent), since.length);
    assert.equal(await history.count(earlier), 0);
    assert.equal(await history.count({ ...range, epoch: epoch + 1, seq: 0 }), 3_000);
    assert.equal(await history.lastSeq(epoch), 3_010);
    assert.equal((await history.recentIds(epoch, 2_900, 100)).length, 1_600);
  });
});
