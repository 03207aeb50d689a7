/**
 * A parent to be killed: starts an embedded ClickHouse in the directory given, tells its pid, and waits.
 */
import { forkClickhouse } from "../../storage/clickhouse-config.ts";

const child = forkClickhouse({ dataDir: process.argv[2] ?? "", port: 0, password: "x" });
child.once("message", () => process.send?.({ pid: child.pid }));
