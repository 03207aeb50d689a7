/**
 * The embedded ClickHouse written to by the unmodified @clickhouse/client: every way rows go in, one part per
 * insert, deduplication, all or nothing, bounds, and inserts beside an analyst's long query.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { ask, PASSWORD, startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { createEventsSql, rowBinary } from "../support/row-binary.ts";
import { until } from "../support/until.ts";

let server: TestClickhouse;
before(async () => {
  server = await startTestClickhouse({ bodyBytesMax: 64 * 1024 * 1024 });
});
after(async () => {
  await server.remove();
});

const rowsOf = async <T>(query: string): Promise<T[]> =>
  (await server.client.query({ query, format: "JSONEachRow" })).json<T>();
const command = (query: string) => server.client.command({ query });

const createEvents = (name: string) => command(createEventsSql(name));

async function insertBinary(
  table: string,
  data: Buffer,
  settings: Record<string, string> = {},
): Promise<void> {
  const result = await server.client.exec({
    query: `INSERT INTO ${table} FORMAT RowBinary`,
    values: Readable.from([data], { objectMode: false }),
    clickhouse_settings: settings,
  });
  result.stream.resume();
  await once(result.stream, "close").catch(() => undefined);
}

describe("inserts of the client", () => {
  test("rows go in as an array, as a stream and as text", async () => {
    await command("CREATE TABLE people (id UInt32, name String) ENGINE = MergeTree ORDER BY id");
    const odd = "line\n\nsemicolon; 'quote' \\ \0";
    await server.client.insert({ table: "people", values: [{ id: 1, name: odd }], format: "JSONEachRow" });
    const stream = Readable.from(
      [
        { id: 2, name: "b" },
        { id: 3, name: "c" },
      ],
      { objectMode: true },
    );
    const result = await server.client.insert({ table: "people", values: stream, format: "JSONEachRow" });
    assert.equal(result.summary?.written_rows, "2");
    await command("INSERT INTO people (id, name) VALUES (4, 'd;'), (5, upper('e'))");
    await command("INSERT INTO people SELECT 6, 'f'");
    const csv = await ask(server, 'INSERT INTO people FORMAT CSV\n7,"g\n\nh"\n', { as: "owner" });
    assert.equal(csv.status, 200);
    const inUrl = await ask(server, "8\ti\n", {
      as: "owner",
      search: { query: "INSERT INTO people FORMAT TabSeparated" },
    });
    assert.equal(inUrl.status, 200);
    const rows = await rowsOf<{ name: string }>("SELECT name FROM people ORDER BY id");
    assert.deepEqual(
      rows.map((row) => row.name),
      [odd, "b", "c", "d;", "E", "f", "g\n\nh", "i"],
    );
  });

  test("binary rows arrive byte for byte, compressed or not", async () => {
    await createEvents("binary_rows");
    const data = rowBinary(50_000);
    await insertBinary("binary_rows", data);
    const search = new URLSearchParams({ query: "INSERT INTO binary_rows FORMAT RowBinary" });
    const response = await fetch(`${server.url}/?${search.toString()}`, {
      method: "POST",
      body: gzipSync(rowBinary(50_000, 50_000)),
      headers: { "content-encoding": "gzip", "x-clickhouse-user": "millrace", "x-clickhouse-key": PASSWORD },
    });
    assert.equal(response.status, 200, await response.text());
    const back = await ask(
      server,
      "SELECT * FROM binary_rows WHERE id < 50000 ORDER BY id FORMAT RowBinary",
      {
        as: "owner",
      },
    );
    assert.equal(
      Number((await rowsOf<{ n: string }>("SELECT count() AS n FROM binary_rows"))[0]?.n),
      100_000,
    );
    assert.equal(back.status, 200);
    const raw = await fetch(server.url, {
      method: "POST",
      body: "SELECT * FROM binary_rows WHERE id < 50000 ORDER BY id FORMAT RowBinary",
      headers: { "x-clickhouse-user": "millrace", "x-clickhouse-key": PASSWORD },
    });
    assert.ok(Buffer.from(await raw.arrayBuffer()).equals(data));
  });

  test("the largest insert into one partition makes exactly one part", async () => {
    await createEvents("one_part");
    await insertBinary("one_part", rowBinary(1_048_576));
    const parts = await rowsOf<{ rows: string }>(
      "SELECT toUInt32(rows) AS rows FROM system.parts WHERE table = 'one_part' AND active",
    );
    assert.deepEqual(
      parts.map((part) => Number(part.rows)),
      [1_048_576],
    );
  });

  test("the same insert three times counts once, in the table and behind a materialized view", async () => {
    await createEvents("deduplicated");
    await command(
      `CREATE TABLE deduplicated_sums (at DateTime, n UInt64) ENGINE = SummingMergeTree ORDER BY at
       SETTINGS non_replicated_deduplication_window = 100`,
    );
    await command(
      "CREATE MATERIALIZED VIEW deduplicated_view TO deduplicated_sums AS SELECT at, count() AS n FROM deduplicated GROUP BY at",
    );
    const settings = {
      insert_deduplication_token: "log:1:0:1-1000",
      deduplicate_blocks_in_dependent_materialized_views: "1",
    };
    for (let turn = 0; turn < 3; turn += 1) await insertBinary("deduplicated", rowBinary(1000), settings);
    assert.deepEqual(
      await rowsOf(
        "SELECT toUInt32(count()) AS n, (SELECT toUInt32(sum(n)) FROM deduplicated_sums) AS v FROM deduplicated",
      ),
      [{ n: 1000, v: 1000 }],
    );
  });

  test("settings of asynchronous inserts do no harm: the answer comes when the rows are in", async () => {
    await createEvents("asynchronous");
    await insertBinary("asynchronous", rowBinary(1000), { async_insert: "1", wait_for_async_insert: "1" });
    assert.equal((await rowsOf("SELECT 1 FROM asynchronous")).length, 1000);
  });

  test("a broken row inserts nothing of its block", async () => {
    await createEvents("atomic");
    const data = rowBinary(1000);
    await assert.rejects(
      insertBinary("atomic", data.subarray(0, data.length - 5)),
      /CANNOT_READ_ALL_DATA|Cannot read all/,
    );
    assert.equal((await rowsOf("SELECT 1 FROM atomic")).length, 0);
  });

  test("a client that dies half-way inserts nothing and leaves no spool file", async () => {
    await createEvents("half");
    const abort = new AbortController();
    const search = new URLSearchParams({ query: "INSERT INTO half FORMAT RowBinary" });
    async function* half() {
      yield rowBinary(100_000);
      await sleep(200);
      abort.abort();
      await sleep(50);
    }
    await assert.rejects(
      fetch(`${server.url}/?${search.toString()}`, {
        method: "POST",
        body: Readable.toWeb(Readable.from(half())),
        duplex: "half",
        signal: abort.signal,
        headers: { "x-clickhouse-user": "millrace", "x-clickhouse-key": PASSWORD },
      } as unknown as RequestInit),
    );
    await until(async () => (await readdir(join(server.dataDir, "spool"))).length === 0);
    assert.equal((await rowsOf("SELECT 1 FROM half")).length, 0);
  });

  test("a body over the bound is refused with 413, also when only its content is large", async () => {
    await createEvents("bounded");
    const search = new URLSearchParams({ query: "INSERT INTO bounded FORMAT RowBinary" });
    const bomb = await fetch(`${server.url}/?${search.toString()}`, {
      method: "POST",
      body: gzipSync(Buffer.alloc(65 * 1024 * 1024)),
      headers: { "content-encoding": "gzip", "x-clickhouse-user": "millrace", "x-clickhouse-key": PASSWORD },
    });
    assert.equal(bomb.status, 413);
    assert.match(await bomb.text(), /^Code: 628\./);
  });
});

test("an analyst's long query does not hold up inserts", async () => {
  await createEvents("busy");
  const slow = ask(server, "SELECT count() FROM numbers(100000000000) WHERE sipHash64(number) = 1", {
    search: { max_rows_to_read: "1000000000", max_execution_time: "3" },
  });
  const long = ask(server, "SELECT sum(sipHash64(number)) FROM numbers(900000000)", {
    search: { max_execution_time: "3" },
  });
  const started = performance.now();
  for (let turn = 0; turn < 5; turn += 1) await insertBinary("busy", rowBinary(10_000, turn * 10_000));
  const elapsed = performance.now() - started;
  assert.ok(elapsed < 2500, `five inserts took ${elapsed} ms`);
  assert.equal((await slow).status === 200, false);
  await long;
});
