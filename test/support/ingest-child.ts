/**
 * An ingester in a process of its own, to be killed. It says "running" when it was started, and "filling" whenever it
 * begins to fill columns from history; it runs until it is killed.
 *
 * Arguments: the URL of NATS, the prefix, the URL of Redis; then, for other sets than that of cards, the URL of ClickHouse,
 * the database, and the sets as a JSON array.
 */
import { pino } from "pino";
import { parseFeatureSet } from "../../engine/core/feature-set.ts";
import { ActiveSets } from "../../engine/features/active-sets.ts";
import { openClickHouse } from "../../storage/clickhouse.ts";
import { openRedisEntityStore } from "../../storage/entity-store-redis.ts";
import { ClickHouseEventHistory } from "../../storage/event-history.ts";
import { FeaturePlane } from "./feature-plane.ts";

const FILLING_POLL_MS = 5;

const [natsUrl = "", prefix = "", url = "", clickhouseUrl, database = "", setsJson = "[]"] =
  process.argv.slice(2);
const logger = pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" });
const plane = await FeaturePlane.open(natsUrl, prefix);
const store = openRedisEntityStore({ url, prefix, use: "ingest", logger });
const { part: ingester } = plane.startIngester(
  store,
  clickhouseUrl === undefined ? {} : partsOf(clickhouseUrl),
);
process.once("disconnect", () => process.exit());
process.send?.("running");
let wasFilling = false;
setInterval(() => {
  const isFilling = ingester.progress.backfill !== undefined;
  if (isFilling && !wasFilling) process.send?.("filling");
  wasFilling = isFilling;
}, FILLING_POLL_MS);

function partsOf(at: string): Parameters<FeaturePlane["startIngester"]>[1] {
  const sets = new ActiveSets();
  sets.replace((JSON.parse(setsJson) as unknown[]).map(parseFeatureSet));
  return { history: new ClickHouseEventHistory(openClickHouse(at), database), plans: () => sets.plans };
}
