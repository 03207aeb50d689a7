/**
 * Features out of the history against those that were served: random events (late, null, of wrong types, in the same
 * millisecond), random sets, random moments, in a real ClickHouse. Equal means equal to the last bit.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { FeatureEvent, FieldValue } from "../../engine/core/feature-event.ts";
import { AGGREGATIONS, type FeatureSet, parseFeatureSet } from "../../engine/core/feature-set.ts";
import { SeededRandom } from "../../engine/core/seeded-random.ts";
import { compileColumns, isEmptyPlan, judge } from "../../engine/features/column-plan.ts";
import { EntityState } from "../../engine/features/entity-state.ts";
import { compileSetLookup } from "../../engine/features/feature-lookup.ts";
import { type HistoricalRow, historicalFeatures } from "../../engine/features/historical-features.ts";
import { lookUp } from "../../engine/features/served-features.ts";
import { StateView } from "../../engine/features/state-view.ts";
import type { ClickHouse } from "../../storage/clickhouse.ts";
import { ClickHouseFeatureHistory } from "../../storage/clickhouse-feature-history.ts";
import { startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { createFeatureTables, storeEvents } from "../support/feature-values.ts";

const START_MS = Date.UTC(2026, 0, 31, 22);
const HOUR_MS = 3_600_000;
const EVENTS = 600;
const SEEDS = 12;
const WINDOWS = ["10s", "1m", "10m", "1h", "24h", "7d", "30d"] as const;
const LATENESS = ["1s", "10m", "1h", "7d"] as const;

let clickhouse: TestClickhouse;
before(async () => {
  clickhouse = await startTestClickhouse();
});
after(async () => clickhouse.remove());

function pick<T>(random: SeededRandom, values: readonly T[]): T {
  return values[random.below(values.length)] as T;
}

function randomSet(random: SeededRandom): FeatureSet {
  const online = [
    { name: "limit", kind: "online", max: 5000, ttl: pick(random, ["1h", "7d", "90d"]) },
    { name: "is_open", kind: "online", type: "bool", ttl: "24h", default: false },
    { name: "level", kind: "online", type: "category", categories: ["a", "b", "é"], field: "kind_text" },
    { name: "visits", kind: "online", type: "int", min: 0 },
    { name: "half", kind: "derived", function: "ratio", inputs: ["limit", "visits"] },
  ];
  const windows = Array.from({ length: 14 }, (_, index) => {
    const aggregation = AGGREGATIONS[index] ?? pick(random, AGGREGATIONS);
    const fields = aggregation === "distinct_count" ? ["amount", "kind", "shop"] : ["amount", "score"];
    return {
      name: `f${index}`,
      kind: "window",
      aggregation,
      window: pick(random, WINDOWS),
      windowing: random.uniform() < 0.2 ? "tumbling" : "sliding",
      decimals: random.below(7),
      ...(aggregation === "count" ? {} : { field: pick(random, fields) }),
      ...(random.uniform() < 0.4
        ? { filter: { field: "kind", in: pick(random, [["a", true], [1], [false, 0.1, "b"]]) } }
        : {}),
    };
  });
  const derived = { name: "ratio", kind: "derived", function: "ratio", inputs: ["f0", "f1"] };
  return parseFeatureSet({
    name: "set",
    version: "1.0.0",
    entity: { type: "card", key: "id" },
    lateness: pick(random, LATENESS),
    features: [...online, ...windows, derived],
  });
}

function randomFields(random: SeededRandom): Record<string, FieldValue> {
  const all: Record<string, FieldValue> = {
    amount: Math.round(random.normal() * 1e5) / 100 + 0,
    score: random.uniform() < 0.1 ? null : random.normal() * 10 ** random.below(6),
    kind: pick(random, [null, "a", "b", true, false, 1, 0.1]),
    shop: `shop-${random.below(300)} ü'\\`,
    limit: random.uniform() < 0.02 ? 6000 : random.below(5000) / 7,
    is_open: random.uniform() < 0.02 ? 1 : random.uniform() < 0.5,
    kind_text: random.uniform() < 0.02 ? "c" : pick(random, ["a", "b", "é"]),
    visits: random.uniform() < 0.02 ? -0.5 : random.below(3),
  };
  if (random.uniform() < 0.02) all["amount"] = "much";
  return Object.fromEntries(Object.entries(all).filter(() => random.uniform() < 0.7));
}

interface Arrival {
  readonly epoch: number;
  readonly event: FeatureEvent;
}

/** Half-way the stream is a new one, whose sequences begin at 1. */
function randomArrivals(random: SeededRandom, entities: number): Arrival[] {
  let arrivalMs = START_MS;
  let epoch = START_MS - HOUR_MS;
  let seq = 0;
  return Array.from({ length: EVENTS }, (_, index) => {
    arrivalMs += random.uniform() < 0.2 ? 0 : Math.floor(random.uniform() ** 6 * 12 * HOUR_MS);
    seq += 1 + random.below(3);
    if (index === EVENTS / 2) {
      epoch = arrivalMs + 1;
      arrivalMs += 2000;
      seq = 1;
    }
    const lateMs = random.uniform() < 0.5 ? 0 : Math.floor(random.uniform() ** 4 * 8 * 24 * HOUR_MS);
    const event = {
      eventId: `e${index}`,
      entityId: `entity ${random.below(entities)}'`,
      eventMs: arrivalMs - lateMs,
      arrivalMs,
      seq,
      isEvent: random.uniform() < 0.95,
      fields: randomFields(random),
    };
    return { epoch, event };
  });
}

interface Served extends HistoricalRow {
  readonly values: readonly unknown[];
  readonly status: Readonly<Record<string, string>>;
}

/** What would have been served at random moments, by sequence and, between two arrivals, by time. */
function serve(random: SeededRandom, set: FeatureSet, arrivals: readonly Arrival[]): Served[] {
  const plan = compileColumns([set]);
  const lookup = compileSetLookup(set);
  const states = new Map<string, EntityState>();
  const served: Served[] = [];
  const serveAt = (id: string, asOfMs: number, bySeq: boolean): void => {
    const bytes = states.get(id)?.toBuffer();
    const view = bytes === undefined ? undefined : new StateView(bytes);
    const { values, status } = lookUp(lookup, {}, [view], asOfMs);
    served.push({
      entities: [bySeq ? { id, seq: view?.seq ?? 0 } : { id }],
      asOfMs,
      request: {},
      values: lookup.features.map(({ step }) => values[step] ?? null),
      status: Object.fromEntries(status),
    });
  };
  for (const [index, { epoch, event }] of arrivals.entries()) {
    const id = event.entityId;
    const { takers } = judge(plan, event);
    if (!isEmptyPlan(takers)) {
      const state = states.get(id) ?? EntityState.from(undefined);
      state.apply(event, epoch, takers);
      states.set(id, state);
    }
    // the engine's clock may be a little behind that of the stream
    if (random.uniform() < 0.3) serveAt(id, event.arrivalMs - random.below(900), true);
    const nextMs = arrivals[index + 1]?.event.arrivalMs ?? event.arrivalMs + 40 * 24 * HOUR_MS;
    if (nextMs === event.arrivalMs || random.uniform() > 0.4) continue;
    const asOfMs = event.arrivalMs + Math.floor(random.uniform() * (nextMs - event.arrivalMs));
    serveAt(random.uniform() < 0.1 ? "nobody" : id, asOfMs, false);
    if (random.uniform() < 0.5) continue;
    serveAt(pick(random, arrivals).event.entityId, asOfMs, true);
  }
  return served;
}

describe("features out of the history", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    it(`are those that were served, to the last bit, seed ${seed}`, async () => {
      const random = new SeededRandom(seed);
      const database = `seed_${seed}`; // each has a stream of its own
      const set = randomSet(random);
      const arrivals = randomArrivals(random, 1 + random.below(6));
      const served = serve(random, set, arrivals);
      assert.ok(served.length > 100);
      await createFeatureTables(clickhouse, database);
      await storeEvents(
        clickhouse,
        database,
        arrivals.toReversed().map(({ epoch, event }) => ({ epoch, entityType: "card", event })),
      );
      const lookup = compileSetLookup(set);
      const found = historicalFeatures({
        history: new ClickHouseFeatureHistory(clickhouse.client, database),
        lookup,
        rows: served,
        chunkRows: 1 + random.below(400),
      });
      let rows = 0;
      for await (const { row, values, status } of found) {
        assert.equal(row, served[rows++]);
        for (const [index, value] of values.entries()) {
          const { name } = lookup.features[index] as { name: string };
          const feature = JSON.stringify(set.features.find((one) => one.name === name));
          assert.ok(
            Object.is(value, row.values[index]),
            `${feature} of ${JSON.stringify(row.entities)} at ${row.asOfMs}: ${value}, not ${String(row.values[index])}`,
          );
        }
        assert.deepEqual(status, row.status);
      }
      assert.equal(rows, served.length);
    });
  }

  it("have no event that happened before a moment and arrived after it, unless the sequence says that it was known", async () => {
    const set = parseFeatureSet({
      name: "set",
      version: "1.0.0",
      entity: { type: "card", key: "id" },
      features: [
        { name: "amount", kind: "online" },
        { name: "count", kind: "window", aggregation: "count", window: "1h" },
      ],
    });
    await createFeatureTables(clickhouse, "leakage");
    const event = (seq: number, eventMs: number, arrivalMs: number) => ({
      epoch: 1,
      entityType: "card",
      event: {
        eventId: `e${seq}`,
        entityId: "x",
        eventMs,
        arrivalMs,
        seq,
        isEvent: true,
        fields: { amount: seq },
      },
    });
    await storeEvents(clickhouse, "leakage", [
      event(1, START_MS, START_MS),
      event(2, START_MS + 10_000, START_MS + 60_000),
    ]);
    const entity = { id: "x" };
    const rows = [
      { entities: [entity], asOfMs: START_MS - 1, request: {} },
      { entities: [entity], asOfMs: START_MS + 59_999, request: {} },
      { entities: [entity], asOfMs: START_MS + 60_000, request: {} },
      { entities: [{ id: "x", seq: 2 }], asOfMs: START_MS + 59_999, request: {} },
      { entities: [{ id: "x", seq: 1 }], asOfMs: START_MS + 60_000, request: {} },
    ];
    const found = [];
    const history = new ClickHouseFeatureHistory(clickhouse.client, "leakage");
    for await (const { values } of historicalFeatures({
      history,
      lookup: compileSetLookup(set),
      rows,
    }))
      found.push(values);
    assert.deepEqual(found, [
      [null, 0],
      [1, 1],
      [2, 2],
      [2, 2],
      [1, 1],
    ]);
  });

  it("are found for ten thousand moments at once, whatever the ids", async () => {
    const set = parseFeatureSet({
      name: "set",
      version: "1.0.0",
      entity: { type: "card", key: "id" },
      features: [{ name: "sum", kind: "window", aggregation: "sum", field: "amount", window: "1h" }],
    });
    await createFeatureTables(clickhouse, "many");
    const ids = Array.from({ length: 10_000 }, (_, index) => `${index} \\'"\t${"é".repeat(index % 60)}`);
    await storeEvents(
      clickhouse,
      "many",
      ids.map((entityId, index) => ({
        epoch: 1,
        entityType: "card",
        event: {
          eventId: entityId,
          entityId,
          eventMs: START_MS,
          arrivalMs: START_MS,
          seq: index + 1,
          isEvent: true,
          fields: { amount: index },
        },
      })),
    );
    const rows = ids.map((id) => ({ entities: [{ id }], asOfMs: START_MS, request: {} }));
    const history = new ClickHouseFeatureHistory(clickhouse.client, "many");
    let next = 0;
    for await (const { values } of historicalFeatures({
      history,
      lookup: compileSetLookup(set),
      rows,
    }))
      assert.deepEqual(values, [next++]);
    assert.equal(next, ids.length);
  });

  it("are read in halves where ClickHouse has too little memory for all moments", async () => {
    await createFeatureTables(clickhouse, "memory");
    await clickhouse.client.command({
      query: `INSERT INTO memory.feature_values (log_epoch, log_seq, entity_type, entity_id, event_time, arrival_time, is_event, texts)
        SELECT 1, number + 1, 'card', 'x', fromUnixTimestamp64Milli(${START_MS}), fromUnixTimestamp64Milli(${START_MS}), true, map('shop', toString(number))
        FROM numbers(50000)`,
    });
    let queries = 0;
    const client: Pick<ClickHouse, "query"> = {
      query: async (options) => {
        queries++;
        return clickhouse.client.query({
          ...options,
          clickhouse_settings: { ...options.clickhouse_settings, max_memory_usage: "40000000" },
        });
      },
    };
    const column = { filter: undefined, hopMs: 60_000, tiles: 3, scale: 1, latenessMs: 1000 };
    const rules = { id: "", list: [] };
    const columns = [{ ...column, field: "shop", parts: new Set(["distinct"] as const), rules }];
    const moments = Array.from({ length: 64 }, () => ({ entityId: "x", asOfMs: START_MS, seq: undefined }));
    const found = await new ClickHouseFeatureHistory(client, "memory").read(
      { entityType: "card", columns, fields: [] },
      moments,
    );
    assert.deepEqual(
      found.map(({ windows }) => windows[0]?.count),
      moments.map(() => 50_000),
    );
    assert.ok(queries > 2, `${queries} queries`);
  });
});
