/**
 * Stands in for the ClickHouse child in tests of its supervision: same settings, same messages, same ending,
 * and an HTTP port that answers with the rows it keeps in a file.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const { dataDir, host, port, user, password } = JSON.parse(process.env["MILLRACE_CLICKHOUSE_CHILD"] ?? "{}");
const rows = join(dataDir, "rows");

const server = createServer((request, response) => {
  const login = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  if (request.headers.authorization !== login) return response.writeHead(401).end();
  if (request.method === "POST") appendFileSync(rows, "row\n");
  return response.end(existsSync(rows) ? readFileSync(rows) : "");
});
server.listen(port, host, () => process.send?.({ type: "ready", port }));
process.on("disconnect", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
