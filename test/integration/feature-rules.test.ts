/**
 * Rules of one feature set are no concern of another: what was served is had again from the history whatever sets were
 * applied or archived since, through the ingester and a real ClickHouse.
 */
import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { pino } from "pino";
import { type FeatureSet, parseFeatureSet } from "../../engine/core/feature-set.ts";
import { ActiveSets } from "../../engine/features/active-sets.ts";
import { FeatureIngester } from "../../engine/features/feature-ingester.ts";
import { readFeatureMessage } from "../../engine/features/feature-message.ts";
import { findReferred } from "../../engine/features/feature-references.ts";
import { historicalFeatures } from "../../engine/features/historical-features.ts";
import { lookUp } from "../../engine/features/served-features.ts";
import { StateView } from "../../engine/features/state-view.ts";
import { ClickHouseFeatureHistory } from "../../storage/clickhouse-feature-history.ts";
import { MemoryEntityStore } from "../../storage/entity-store-memory.ts";
import { startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { eventually } from "../support/eventually.ts";
import { FakeEventHistory } from "../support/fake-event-history.ts";
import { FakeFeatureStream } from "../support/fake-feature-stream.ts";
import { createFeatureTables, storeEvents } from "../support/feature-values.ts";

const DATABASE = "rules";
const card = { entity: { type: "card", key: "card_id" }, version: "1.0.0" };
const window = { kind: "window", field: "amount", window: "24h" };
const SPENDING = parseFeatureSet({
  ...card,
  name: "spending",
  features: [
    { ...window, name: "spent", aggregation: "sum" },
    { ...window, name: "spread", aggregation: "stddev" },
    { name: "payments", kind: "window", aggregation: "count", window: "24h" },
  ],
});
const LIMITED = parseFeatureSet({
  ...card,
  name: "limited",
  features: [
    { name: "amount", kind: "online", max: 100 },
    { ...window, name: "small_spent", aggregation: "sum" },
  ],
});

let clickhouse: TestClickhouse;
before(async () => {
  clickhouse = await startTestClickhouse();
  await createFeatureTables(clickhouse, DATABASE);
});
after(async () => clickhouse.remove());

async function withIngester(check: (bench: Bench) => Promise<void>): Promise<void> {
  const stream = new FakeFeatureStream();
  const store = new MemoryEntityStore();
  const sets = new ActiveSets();
  const history = new FakeEventHistory(stream);
  const ingester = new FeatureIngester({
    source: stream,
    store,
    history,
    plans: () => sets.plans,
    storedWaitMs: 100,
    eventsMax: 10,
    stateBytesMax: 1 << 20,
    recentIdsMax: 1_024,
    logger: pino({ level: "silent" }),
  });
  const stopping = new AbortController();
  const running = ingester.run(stopping.signal);
  try {
    await check({ stream, store, sets });
  } finally {
    stopping.abort();
    await running;
    await store.close();
  }
}

interface Bench {
  readonly stream: FakeFeatureStream;
  readonly store: MemoryEntityStore;
  readonly sets: ActiveSets;
}

interface Served {
  readonly features: string;
  readonly seq: number;
  readonly asOfMs: number;
  readonly values: readonly unknown[];
}

async function replay({ features, seq, asOfMs }: Served): Promise<unknown> {
  const find = async (name: string) => (name === SPENDING.name ? SPENDING : LIMITED);
  const lookup = await findReferred(features, find);
  const history = new ClickHouseFeatureHistory(clickhouse.client, DATABASE);
  const rows = [{ entities: [{ id: "x", seq }], asOfMs, request: {} }];
  for await (const { values } of historicalFeatures({ history, lookup, rows })) return values;
  return undefined;
}

it("values that were served are had again after sets were applied and archived", async () => {
  const served: Served[] = [];
  let stored: FakeFeatureStream | undefined;
  await withIngester(async ({ stream, store, sets }) => {
    stored = stream;
    const serve = async (set: FeatureSet, names: string): Promise<void> => {
      const { lastSeq } = await stream.position();
      await eventually("all is applied and filled", async () => {
        const position = await store.position();
        return position?.seq === lastSeq && sets.lacking(position.columns).length === 0;
      });
      const [state] = await store.read([{ type: "card", id: "x" }]);
      const view = state === undefined ? undefined : new StateView(state);
      const features = `${set.name}@1.0.0:${names}`;
      const lookup = await findReferred(features, async () => set);
      const asOfMs = Date.now();
      const { values } = lookUp(lookup, {}, [view], asOfMs);
      const shown = lookup.features.map(({ step }) => values[step]);
      served.push({ features, seq: view?.seq ?? 0, asOfMs, values: shown });
    };
    const pay = (amount: number): void =>
      stream.add({
        event_id: `pay-${amount}`,
        entity_id: "x",
        event_time: Date.now() - 1_000,
        event: { amount },
      });
    sets.replace([SPENDING]);
    pay(50);
    pay(150);
    await serve(SPENDING, "spent,spread,payments");
    sets.replace([LIMITED, SPENDING]);
    pay(60);
    pay(160);
    await serve(SPENDING, "spent,spread,payments");
    await serve(LIMITED, "amount,small_spent");
    sets.replace([SPENDING]);
    pay(170);
    await serve(SPENDING, "spent,spread,payments");
    assert.deepEqual(
      stream.rejected.map(({ seq }) => seq),
      [4],
      "what a set refuses is told",
    );
  });
  assert.deepEqual(
    served.map(({ values }) => values[0]),
    [200, 420, 60, 590],
  );
  const added = stored?.added ?? [];
  await storeEvents(
    clickhouse,
    DATABASE,
    added.map(({ message, epoch }) => ({ epoch, ...readFeatureMessage(message) })),
  );
  for (const one of served) assert.deepEqual(await replay(one), one.values, `${one.features} at ${one.seq}`);
});
