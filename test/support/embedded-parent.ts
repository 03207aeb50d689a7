/**
 * An engine in miniature for tests that kill it: starts the embedded services in the folder of its first argument,
 * prints their pids, and then stays.
 */
import { fileURLToPath } from "node:url";
import { pino } from "pino";
import { startClickHouse } from "../../engine/embedded/clickhouse.ts";
import { startNatsServer } from "../../engine/embedded/nats-server.ts";
import { startRedisServer } from "../../engine/embedded/redis-server.ts";

const dataDir = process.argv[2] ?? "";
const logger = pino({ level: "silent" });
const program = fileURLToPath(new URL("./stub-clickhouse-child.js", import.meta.url));
const services = await Promise.all([
  startNatsServer({ dataDir, port: 0, logger }),
  startRedisServer({ dataDir, port: 0, logger }),
  startClickHouse({ dataDir, port: 0, logger, program }),
]);
process.stdout.write(`${JSON.stringify(services.map((service) => service?.pid()))}\n`);
setInterval(() => undefined, 60_000);
