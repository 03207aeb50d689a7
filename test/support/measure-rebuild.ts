/**
 * How long it takes to fill an online store that lost everything: from the stream, and from ClickHouse when the stream has
 * lost its events. Prints a line for each.
 *
 *     node dist/test/support/measure-rebuild.js [events] [entities]
 */
import { pino } from "pino";
import type { EntityStore } from "../../engine/core/entity-store.ts";
import { parseFeatureSet } from "../../engine/core/feature-set.ts";
import { ActiveSets } from "../../engine/features/active-sets.ts";
import { FeatureIngester } from "../../engine/features/feature-ingester.ts";
import { MemoryEntityStore } from "../../storage/entity-store-memory.ts";
import { openRedisEntityStore } from "../../storage/entity-store-redis.ts";
import { ClickHouseEventHistory } from "../../storage/event-history.ts";
import { startTestClickhouse } from "./clickhouse.ts";
import { eventually } from "./eventually.ts";
import { CARD, cardEvent } from "./feature-events.ts";
import { FeaturePlane } from "./feature-plane.ts";
import { startTestNats } from "./nats.ts";
import { REDIS_MISSING, startTestRedis } from "./redis.ts";

const [eventsMax = 1_000_000, entities = 100_000] = process.argv.slice(2).map(Number);
const WAIT_MS = 600_000;
const DATABASE = "measure";
const logger = pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" });
const window = { kind: "window", field: "amount" };
const sets = new ActiveSets();
sets.replace([
  parseFeatureSet({
    name: "cards",
    version: "1.0.0",
    entity: { type: CARD, key: "card_id" },
    features: [
      { ...window, name: "mean_1h", aggregation: "mean", window: "1h" },
      { ...window, name: "sum_24h", aggregation: "sum", window: "24h" },
      { ...window, name: "max_30d", aggregation: "max", window: "30d" },
    ],
  }),
]);

const nats = await startTestNats();
const clickhouse = await startTestClickhouse();
const plane = await FeaturePlane.open(nats.url, "measure");
const history = new ClickHouseEventHistory(clickhouse.client, DATABASE);
const sink = plane.startSink(clickhouse.client, DATABASE);
const BURST = 20_000;
let startedMs = performance.now();
for (let first = 0; first < eventsMax; first += BURST)
  await plane.publish(
    Array.from({ length: Math.min(BURST, eventsMax - first) }, (_, index) =>
      cardEvent(first + index, entities, Date.now()),
    ),
  );
tell("published", startedMs);
await eventually("all is stored", () => sink.part.progress.seq === eventsMax, WAIT_MS);
tell("stored in ClickHouse", startedMs);
await sink.stop();
for (const source of ["stream", "ClickHouse"] as const) {
  if (source === "ClickHouse")
    await plane.manager.streams.purge(plane.topology.featuresStream, { seq: eventsMax + 1 });
  await rebuild(`from the ${source}, in process`, new MemoryEntityStore({ bytesMax: 2 ** 31 }));
  if (REDIS_MISSING !== false) continue;
  const redis = await startTestRedis();
  const store = openRedisEntityStore({ url: redis.url, prefix: "measure", use: "ingest", logger });
  await rebuild(`from the ${source}, over Redis`, store);
  await redis[Symbol.asyncDispose]();
}
await plane[Symbol.asyncDispose]();
await clickhouse.remove();
await nats.stop();

async function rebuild(what: string, store: EntityStore): Promise<void> {
  const bounds = { eventsMax: 1_000, stateBytesMax: 2 ** 28, recentIdsMax: 262_144, storedWaitMs: 3_000 };
  const parts = { source: plane.reader, store, history, plans: () => sets.plans, logger };
  await eventually("the store can be used", async () => store.position().then(() => true));
  const ingester = new FeatureIngester({ ...parts, ...bounds });
  const stopping = new AbortController();
  startedMs = performance.now();
  const running = ingester.run(stopping.signal);
  await eventually(
    "all is there",
    async () => {
      const { seq, missing } = ingester.progress;
      const position = await store.position();
      return seq === eventsMax && missing === 0 && (position?.columns.length ?? 0) > 0;
    },
    WAIT_MS,
  );
  tell(what, startedMs);
  stopping.abort();
  await running;
  await store.close();
}

function tell(what: string, sinceMs: number): void {
  const seconds = (performance.now() - sinceMs) / 1_000;
  const megabytes = Math.round(process.memoryUsage().rss / 2 ** 20);
  console.log(
    `${what}: ${seconds.toFixed(1)} s, ${Math.round(eventsMax / seconds)} events/s, rss ${megabytes} MiB`,
  );
}
