/**
 * The embedded ClickHouse read by the unmodified @clickhouse/client and by curl: formats, parameters, settings,
 * compression, errors, credentials, cancelling.
 */

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { ClickHouseError, createClient, TupleParam } from "@clickhouse/client";
import { ask, PASSWORD, startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { until } from "../support/until.ts";

let server: TestClickhouse;
before(async () => {
  server = await startTestClickhouse();
});
after(async () => {
  await server.remove();
});

const rowsOf = async <T>(query: string): Promise<T[]> =>
  (await server.client.query({ query, format: "JSONEachRow" })).json<T>();
const command = (query: string) => server.client.command({ query });

describe("queries of the client", () => {
  test("ping answers, with and without a query", async () => {
    assert.deepEqual(await server.client.ping(), { success: true });
    assert.equal((await server.client.ping({ select: true })).success, true);
    assert.equal(await (await fetch(`${server.url}/ping`)).text(), "Ok.\n");
  });

  test("results come in the format that was asked for", async () => {
    const query = "SELECT toUInt8(number) AS n, toString(number) AS s FROM numbers(2)";
    const json = await (await server.client.query({ query, format: "JSON" })).json();
    assert.deepEqual(json.data, [
      { n: 0, s: "0" },
      { n: 1, s: "1" },
    ]);
    const csv = await server.client.query({ query, format: "CSVWithNames" });
    assert.equal(await csv.text(), '"n","s"\n0,"0"\n1,"1"\n');
    assert.match(String(csv.response_headers["content-type"]), /^text\/csv/);
    const parquet = await server.client.exec({ query: `${query} FORMAT Parquet` });
    const parts: Buffer[] = [];
    for await (const part of parquet.stream) parts.push(part as Buffer);
    assert.equal(Buffer.concat(parts).subarray(0, 4).toString(), "PAR1");
  });

  test("a large result streams row by row", async () => {
    const result = await server.client.query({
      query: "SELECT number AS n, repeat('x', 100) AS s FROM numbers(1000000)",
      format: "JSONEachRow",
    });
    let rows = 0;
    for await (const batch of result.stream()) rows += batch.length;
    assert.equal(rows, 1_000_000);
  });

  test("an error in the middle of a stream reaches the client", async () => {
    const result = await server.client.query({
      query: "SELECT throwIf(number = 900000, 'too far') AS n FROM numbers(1000000)",
      format: "JSONEachRow",
    });
    await assert.rejects(
      result.json(),
      (error: unknown) => error instanceof ClickHouseError && error.code === "395",
    );
  });

  test("parameters are bound on the server, whatever their type", async () => {
    const text = "tab\t line\n quote' back\\ \u00e9 {x:UInt8}";
    const result = await server.client.query({
      query: `SELECT {a:Array(String)} AS a, {n:Nullable(Int32)} AS n, {d:DateTime64(3)} AS d, {s:String} AS s,
        {b:Bool} AS b, {t:Tuple(UInt8, String)} AS t, {m:Map(String, UInt8)} AS m, {f:Float64} AS f`,
      format: "JSONEachRow",
      query_params: {
        a: ["x", "it's", text],
        n: null,
        d: new Date(1_700_000_000_123),
        s: text,
        b: true,
        t: new TupleParam([7, "y"]),
        m: { k: 1 },
        f: 0.5,
      },
    });
    assert.deepEqual(await result.json(), [
      {
        a: ["x", "it's", text],
        n: null,
        d: "2023-11-14 22:13:20.123",
        s: text,
        b: true,
        t: [7, "y"],
        m: { k: 1 },
        f: 0.5,
      },
    ]);
  });

  test("parameters may come as a form", async () => {
    const result = await server.client.query({
      query: "SELECT length({a:Array(String)}) AS n, {s:String} AS s",
      query_params: { a: Array.from({ length: 5000 }, (_, index) => `v${index}`), s: "caf\u00e9\r\n" },
      format: "JSONEachRow",
      use_multipart_params: true,
    });
    assert.deepEqual(await result.json(), [{ n: 5000, s: "caf\u00e9\r\n" }]);
  });

  test("a setting holds for its query only, also between queries at once", async () => {
    const query = "SELECT value FROM system.settings WHERE name = 'max_block_size'";
    const read = async (settings: Record<string, string>) => {
      const result = await server.client.query({
        query,
        format: "JSONEachRow",
        clickhouse_settings: settings,
      });
      return (await result.json<{ value: string }>())[0]?.value;
    };
    const usual = await read({});
    const values = await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        read(index % 2 === 0 ? { max_block_size: String(1000 + index) } : {}),
      ),
    );
    values.forEach((value, index) => assert.equal(value, index % 2 === 0 ? String(1000 + index) : usual));
  });

  test("errors carry code, type, header and status of ClickHouse", async () => {
    await assert.rejects(
      server.client.query({ query: "SELECT * FROM missing" }),
      (error: unknown) =>
        error instanceof ClickHouseError && error.code === "60" && error.type === "UNKNOWN_TABLE",
    );
    const answer = await ask(server, "SELEC 1", { as: "owner" });
    assert.equal(answer.status, 400);
    assert.equal(answer.headers.get("x-clickhouse-exception-code"), "62");
    assert.match(answer.text, /^Code: 62\. DB::Exception: .*\(SYNTAX_ERROR\) \(version [\d.]+\)\n$/s);
    assert.equal((await ask(server, "SELECT 1", { as: "owner", search: { no_such: "1" } })).status, 404);
    assert.equal((await ask(server, "SELECT 1; SELECT 2", { as: "owner" })).status, 400);
  });

  test("the engine's memory is bounded by the configuration", async () => {
    const rows = await rowsOf<{ value: string }>(
      "SELECT value FROM system.server_settings WHERE name = 'max_server_memory_usage'",
    );
    assert.deepEqual(rows, [{ value: String(4 * 1024 ** 3) }]);
  });

  test("GET changes nothing, and its settings still count", async () => {
    const refused = await ask(server, "CREATE TABLE g (a Int8) ENGINE = Memory", {
      as: "owner",
      method: "GET",
    });
    assert.match(refused.text, /Code: 164\./);
    const read = await ask(server, "SELECT getSetting('max_block_size')", {
      as: "owner",
      method: "GET",
      search: { max_block_size: "777", query_id: "my-id" },
    });
    assert.equal(read.text, "777\n");
    assert.equal(read.headers.get("x-clickhouse-query-id"), "my-id");
  });

  test("wrong credentials are refused with 516, in all three places", async () => {
    for (const [search, headers] of [
      ["?user=millrace&password=wrong", {}],
      ["?user=nobody&password=", {}],
      ["", { authorization: `Basic ${Buffer.from("millrace:wrong").toString("base64")}` }],
      ["", { "x-clickhouse-user": "default", "x-clickhouse-key": "guess" }],
      ["", { authorization: "Bearer x" }],
    ] as const) {
      const response = await fetch(`${server.url}/${search}`, { method: "POST", body: "SELECT 1", headers });
      assert.equal(response.status, 403);
      assert.match(await response.text(), /^Code: 516\./);
    }
    const basic = `Basic ${Buffer.from(`millrace:${PASSWORD}`).toString("base64")}`;
    const ok = await fetch(server.url, {
      method: "POST",
      body: "SELECT 1",
      headers: { authorization: basic },
    });
    assert.equal(await ok.text(), "1\n");
  });

  test("a client that goes away cancels its read", async () => {
    const abort = new AbortController();
    const query = "SELECT count() AS abandoned FROM numbers(1000000000000) WHERE sipHash64(number) = 1";
    const running = async () =>
      (
        await rowsOf(
          "SELECT 1 FROM system.processes WHERE query LIKE '%AS abandoned%' AND query NOT LIKE '%system%'",
        )
      ).length;
    const gone = server.client.query({ query, format: "JSON", abort_signal: abort.signal });
    await until(async () => (await running()) === 1);
    abort.abort();
    await assert.rejects(gone);
    await until(async () => (await running()) === 0);
  });
});

test("compression works in both directions", async () => {
  const client = createClient({
    url: server.url,
    username: "millrace",
    password: PASSWORD,
    compression: { request: true, response: true },
  });
  await command("CREATE TABLE compressed (id UInt32, name String) ENGINE = MergeTree ORDER BY id");
  const values = Array.from({ length: 5000 }, (_, id) => ({ id, name: "same" }));
  await client.insert({ table: "compressed", values, format: "JSONEachRow" });
  const result = await client.query({ query: "SELECT * FROM compressed ORDER BY id", format: "JSONEachRow" });
  assert.equal(result.response_headers["content-encoding"], "gzip");
  assert.deepEqual(await result.json(), values);
  await client.close();
});

test("curl without a user reads, and may not write", async (context) => {
  if (spawnSync("curl", ["--version"]).status !== 0) return context.skip("no curl on this machine");
  const run = promisify(execFile);
  const curl = async (...args: string[]) => (await run("curl", ["-sS", ...args])).stdout;
  assert.equal(await curl(server.url), "Ok.\n");
  assert.equal(await curl(`${server.url}/?query=SELECT+1`), "1\n");
  assert.equal(await curl(server.url, "-d", "SELECT 1 AS a FORMAT JSONEachRow"), '{"a":1}\n');
  assert.match(await curl(server.url, "-d", "CREATE TABLE x (a Int8) ENGINE = Memory"), /^Code: 497\./);
  const file = join(server.dataDir, "rows.csv");
  await command("CREATE TABLE curled (id UInt32, name String) ENGINE = MergeTree ORDER BY id");
  await writeFile(file, Array.from({ length: 300_000 }, (_, id) => `${id},name ${id}\n`).join(""));
  const query = encodeURIComponent("INSERT INTO curled FORMAT CSV");
  await curl("-u", `millrace:${PASSWORD}`, `${server.url}/?query=${query}`, "--data-binary", `@${file}`);
  assert.equal(await curl(server.url, "-d", "SELECT count() FROM curled"), "300000\n");
});
