/**
 * Training sets from a running engine: `millrace features export` in every format, read back by a ClickHouse of its own,
 * and POST /features/historical.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { FeatureEvent } from "../../engine/core/feature-event.ts";
import { openTableFiles, type TableFiles } from "../../storage/table-files.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { storeEvents } from "../support/feature-values.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";

const DAY_MS = Date.UTC(2026, 10, 20);
const SET = {
  name: "account",
  version: "1.0.0",
  entity: { type: "account", key: "account_id" },
  features: [
    { name: "country", kind: "online", type: "category", categories: ["DE", "FR"], default: "DE" },
    { name: "is_open", kind: "online", type: "bool" },
    { name: "sum_1h", kind: "window", aggregation: "sum", field: "amount", window: "1h" },
    { name: "amount", kind: "request" },
    { name: "share", kind: "derived", function: "ratio", inputs: ["amount", "sum_1h"] },
  ],
};
const ALL = "account@1.0.0:country,is_open,sum_1h,share";

let engine: TestEngine;
let folder: TempFolder;
let files: TableFiles;
before(async () => {
  files = await openTableFiles();
  engine = await startTestEngine();
  folder = await createTempFolder();
  assert.equal((await engine.post("/feature-sets", SET)).status, 201);
  const event = (seq: number, minutes: number, lateMinutes: number, fields: FeatureEvent["fields"]) => ({
    epoch: DAY_MS - 1,
    entityType: "account",
    event: {
      eventId: `e${seq}`,
      entityId: "007",
      eventMs: DAY_MS + (minutes - lateMinutes) * 60_000,
      arrivalMs: DAY_MS + minutes * 60_000,
      seq,
      isEvent: true,
      fields,
    },
  });
  await storeEvents({ client: engine.clickhouse() }, "millrace", [
    event(1, 10, 0, { amount: 0.1, country: "FR" }),
    event(2, 20, 0, { amount: 0.2, is_open: true }),
    event(3, 40, 15, { amount: 1000, country: "DE" }), // known at 40, of 25
    event(4, 50, 0, { amount: 5, country: "IT" }), // no category: it was put aside
  ]);
});
after(async () => {
  await engine?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
  await files?.[Symbol.asyncDispose]();
});

/** Moments: 30 minutes past midnight, by time; the same in other words; 45; and 45, as of the second event. */
const ROWS = [
  { account_id: "007", as_of: "2026-11-20T00:30:00.000Z", label: 1, amount: 3, note: 'a "b", c' },
  { account_id: "007", as_of: "2026-11-20T01:30:00.000+01:00", label: 0, amount: null, note: "" },
  { account_id: "007", as_of: "2026-11-20T00:45:00.000Z", label: 0, amount: 3, note: "é" },
  { account_id: "007", as_of: "2026-11-20T00:45:00.000Z", label: 0, amount: 3, note: "x", seq: 2 },
  { account_id: "8", as_of: "2026-11-20T00:30:00.000Z", label: 1, amount: 3, note: "nobody" },
];
const EXPECTED = [
  { country: "FR", is_open: true, sum_1h: 0.3, share: 3 / 0.3 },
  { country: "FR", is_open: true, sum_1h: 0.3, share: null },
  { country: "DE", is_open: true, sum_1h: 1000.3, share: 3 / 1000.3 },
  { country: "FR", is_open: true, sum_1h: 0.3, share: 3 / 0.3 },
  { country: "DE", is_open: null, sum_1h: 0, share: null },
];

async function exportRows(input: string, output: string, more: readonly string[] = []): Promise<CliResult> {
  const rows = input.startsWith("SELECT") ? ["--query", input] : ["--rows", join(folder.path, input)];
  const out = join(folder.path, output);
  return runCli(
    ["features", "export", "--url", engine.httpUrl, "--features", ALL, ...rows, "--out", out, ...more],
    { MILLRACE_DATA_DIR: engine.dataDir },
  );
}

/** A file's rows, whatever its format. */
async function readRows(name: string): Promise<Record<string, unknown>[]> {
  const path = join(folder.path, name);
  const columns = await files.columns(path, ["account_id"]);
  const rows: Record<string, unknown>[] = [];
  await files.read(path, columns, ["account_id"], async (lines) => {
    for await (const line of lines) rows.push(JSON.parse(line) as Record<string, unknown>);
  });
  return rows;
}

function assertFeatures(rows: readonly Record<string, unknown>[]): void {
  assert.deepEqual(
    rows.map(({ country, is_open, sum_1h, share }) => ({ country, is_open, sum_1h, share })),
    EXPECTED,
  );
}

describe("millrace features export", () => {
  it("takes JSON lines and writes each format; rows keep their own fields", async () => {
    writeFileSync(join(folder.path, "in.jsonl"), ROWS.map((row) => `${JSON.stringify(row)}\n`).join(""));
    for (const output of ["out.jsonl", "out.csv", "out.parquet"]) {
      const { code, stderr } = await exportRows("in.jsonl", output);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^5 rows, \d+ rows\/s$/m);
      const rows = await readRows(output);
      assertFeatures(rows);
      assert.deepEqual(
        rows.map(({ account_id, label, note }) => ({ account_id, label, note: note ?? "" })),
        ROWS.map(({ account_id, label, note }) => ({ account_id, label, note })),
      );
      assert.equal(existsSync(join(folder.path, `${output}.part`)), false);
    }
  });

  it("takes CSV, where an id that looks like a number stays a text", async () => {
    const lines = ROWS.map(({ as_of, account_id, amount, seq }) => [as_of, account_id, amount, seq].join());
    writeFileSync(join(folder.path, "in.csv"), ["as_of,account_id,amount,seq", ...lines, ""].join("\n"));
    const { code, stderr } = await exportRows("in.csv", "from-csv.jsonl");
    assert.equal(code, 0, stderr);
    assertFeatures(await readRows("from-csv.jsonl"));
  });

  it("takes Parquet, as it wrote it", async () => {
    writeFileSync(join(folder.path, "to.jsonl"), ROWS.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const path = join(folder.path, "to.jsonl");
    await files.convert(
      path,
      await files.columns(path, ["account_id"]),
      join(folder.path, "in.parquet"),
      "parquet",
    );
    const { code, stderr } = await exportRows("in.parquet", "from-parquet.csv");
    assert.equal(code, 0, stderr);
    assertFeatures(await readRows("from-parquet.csv"));
  });

  it("takes the rows of a query, such as the events themselves", async () => {
    const query =
      "SELECT entity_id, arrival_time AS as_of, log_seq AS number FROM feature_values WHERE entity_type = 'account' ORDER BY log_seq";
    const { code, stderr } = await exportRows(query, "from-query.parquet", ["--status"]);
    assert.equal(code, 0, stderr);
    const rows = await readRows("from-query.parquet");
    assert.deepEqual(
      rows.map(({ number, sum_1h }) => [number, sum_1h]),
      [
        [1, 0.1],
        [2, 0.3],
        [3, 1000.3],
        [4, 1000.3],
      ],
    );
    assert.deepEqual(rows[0]?.["feature_status"], {
      is_open: "missing",
      amount: "missing",
      share: "missing",
    });
  });

  it("names the row and the field that cannot be, and leaves no file", async () => {
    writeFileSync(
      join(folder.path, "wrong.jsonl"),
      '{"account_id": "1", "as_of": "2026-11-20T00:30:00Z"}\n{"account_id": "", "as_of": "2026-11-20T00:30:00Z"}\n',
    );
    const { code, stderr } = await exportRows("wrong.jsonl", "wrong-out.csv");
    assert.equal(code, 1);
    assert.match(stderr, /row 2: account_id must be a string/);
    assert.equal(existsSync(join(folder.path, "wrong-out.csv")), false);
    assert.equal(existsSync(join(folder.path, "wrong-out.csv.part")), false);
  });

  it("says which feature or set is not there", async () => {
    const run = async (features: string) =>
      (
        await runCli(
          [
            "features",
            "export",
            "--url",
            engine.httpUrl,
            "--features",
            features,
            "--rows",
            "x.csv",
            "--out",
            "y.csv",
          ],
          { MILLRACE_DATA_DIR: engine.dataDir },
        )
      ).stderr;
    assert.match(await run("account@1.0.0:nothing"), /account@1\.0\.0 has no feature "nothing"/);
    assert.match(await run("account@3.0.0"), /no feature set account@3\.0\.0/);
    assert.match(await run("nothing"), /"nothing" names no feature/);
    assert.match(await run("account@1.0.0"), /x\.csv is not there/);
  });

  it("writes JSON lines that are the rows' own, with the features behind", async () => {
    const line = '{"account_id":"007","as_of":1763598600000,"big":12345678901234567890}';
    writeFileSync(join(folder.path, "own.jsonl"), `${line}\n`);
    const { code, stderr } = await exportRows("own.jsonl", "own-out.jsonl");
    assert.equal(code, 0, stderr);
    const written = readFileSync(join(folder.path, "own-out.jsonl"), "utf8");
    assert.ok(written.startsWith(line.slice(0, -1)), written);
  });
});

describe("POST /features/historical", () => {
  const ask = async (features: string, rows: unknown): Promise<Response> =>
    engine.post("/features/historical", { features, rows });

  it("answers a line for each row, and what was defaulted", async () => {
    const response = await ask(ALL, ROWS);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), "application/x-ndjson");
    const lines = (await response.text()).trimEnd().split("\n");
    const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    assertFeatures(rows);
    assert.deepEqual(
      rows.map(({ feature_status }) => feature_status),
      [
        {},
        { amount: "missing", share: "missing" },
        {},
        {},
        { country: "missing", is_open: "missing", share: "missing" },
      ],
    );
  });

  it("sends ten thousand rows in parts, in order", async () => {
    const rows = Array.from({ length: 10_000 }, (_, index) => ({
      entity_id: "007",
      as_of: DAY_MS + 1_800_000,
      index,
      filler: "x".repeat(300),
    }));
    const response = await ask("account@1.0.0:sum_1h", rows);
    const lines = (await response.text()).trimEnd().split("\n");
    assert.equal(lines.length, rows.length);
    for (const [index, line] of lines.entries()) {
      const found = JSON.parse(line) as Record<string, unknown>;
      assert.deepEqual([found["index"], found["sum_1h"]], [index, 0.3]);
    }
  });

  it("refuses too many rows, and rows that cannot be, by name", async () => {
    const many = Array.from({ length: 10_001 }, () => ROWS[0]);
    assert.equal((await ask(ALL, many)).status, 413);
    const response = await ask(ALL, [ROWS[0], { account_id: "x", as_of: "yesterday" }]);
    assert.equal(response.status, 400);
    const { error } = (await response.json()) as { error: { details: { field: string }[] } };
    assert.equal(error.details[0]?.field, "rows.1.as_of");
    assert.equal((await ask("account@9.0.0", ROWS)).status, 404);
  });

  it("takes the next request after a client that went away in the middle", async () => {
    const rows = Array.from({ length: 10_000 }, () => ROWS[0]);
    const gone = new AbortController();
    const response = await fetch(new URL("/features/historical", engine.httpUrl), {
      method: "POST",
      body: JSON.stringify({ features: ALL, rows }),
      signal: gone.signal,
    });
    await response.body?.getReader().read();
    gone.abort();
    await eventually("the history is free again", async () => (await ask(ALL, ROWS)).status === 200);
  });
});
