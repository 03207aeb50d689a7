/**
 * An ingester in a process of its own, to be killed. It says "running" when it was started, and runs until then.
 *
 * Arguments: the URL of NATS, the prefix, the URL of Redis.
 */
import { pino } from "pino";
import { openRedisEntityStore } from "../../storage/entity-store-redis.ts";
import { FeaturePlane } from "./feature-plane.ts";

const [natsUrl = "", prefix = "", url = ""] = process.argv.slice(2);
const logger = pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" });
const plane = await FeaturePlane.open(natsUrl, prefix);
plane.startIngester(openRedisEntityStore({ url, prefix, use: "ingest", logger }));
process.once("disconnect", () => process.exit());
process.send?.("running");
