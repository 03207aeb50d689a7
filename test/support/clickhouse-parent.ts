/**
 * A parent to be killed: starts an embedded ClickHouse in the directory given, tells its pid, and waits.
 */
import { type ClickhouseReady, forkClickhouse } from "../../storage/clickhouse-config.ts";
import { PASSWORD } from "./clickhouse.ts";

const child = forkClickhouse({ dataDir: process.argv[2] ?? "", port: 0, password: PASSWORD });
child.once("message", (message) => {
  const { port } = message as ClickhouseReady;
  process.send?.({ pid: child.pid, url: `http://127.0.0.1:${port}` });
});
