/**
 * References of model versions in a running engine: made by file and by window, shown, replaced, kept over restarts, and
 * once in `reference_bins`.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Prediction } from "../../engine/core/prediction.ts";
import { binRowsOf } from "../../engine/monitor/references/reference-bin-rows.ts";
import type { ReferenceDocument } from "../../engine/monitor/references/reference-document.ts";
import { hasReferenceBins, insertReferenceBins } from "../../storage/reference-bins.ts";
import type { ReferenceRecord } from "../../storage/reference-record.ts";
import { readReferenceRows } from "../../storage/reference-rows.ts";
import { errorOf, jsonOf } from "../support/answers.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { pidOf } from "../support/processes.ts";
import { type Payment, payments, paymentsCsv } from "../support/reference-rows.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";

const ROWS = 300;
const PATH = "/models/card-fraud/versions/1.0.0/reference";
const WINDOW = { from: "2020-01-01T00:00:00Z", to: "2100-01-01T00:00:00Z" };
const rows = payments(ROWS, 7);

type Shown = ReferenceDocument & ReferenceRecord & { readonly model_version: string };

let engine: TestEngine;
let folder: TempFolder;
let predictions: Prediction[];

before(async () => {
  engine = await startTestEngine();
  folder = await createTempFolder();
  const answer = await engine.post("/predict/batch", { instances: rows.map((features) => ({ features })) });
  predictions = (await jsonOf<{ predictions: Prediction[] }>(answer)).predictions;
  await eventually("the predictions are stored", async () => (await storedRows()) === ROWS, 20_000);
});
after(async () => {
  await engine?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

async function storedRows(): Promise<number> {
  const [counted] = await engine.sql<{ rows: string }>("SELECT count() AS rows FROM millrace.predictions");
  return Number(counted?.rows);
}

async function put(body: unknown): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(new URL(PATH, engine.httpUrl), { method: "PUT", body: JSON.stringify(body), headers });
}

async function shown(version = "1.0.0"): Promise<Shown> {
  return jsonOf<Shown>(await engine.get(`/models/card-fraud/versions/${version}/reference`));
}

async function create(...args: string[]): Promise<CliResult> {
  return runCli(["reference", "create", "card-fraud", "--url", engine.httpUrl, ...args]);
}

async function createFrom(name: string, text: string, ...args: string[]): Promise<CliResult> {
  const path = join(folder.path, name);
  await writeFile(path, text);
  return create("--file", path, ...args);
}

/** Rows of the table, by reference. */
async function binsOf(id: string): Promise<{ rows: number; counted: number }> {
  const [found] = await engine.sql<{ rows: string; counted: string }>(
    "SELECT count() AS rows, sumIf(count, feature = 'amount') AS counted FROM millrace.reference_bins WHERE reference_id = {id:String}",
    { id },
  );
  return { rows: Number(found?.rows), counted: Number(found?.counted) };
}

function withoutAmount(row: Payment): Payment {
  return Object.fromEntries(Object.entries(row).filter(([name]) => name !== "amount")) as Payment;
}

function slotsOf({ profile }: Shown): number {
  return profile.columns.reduce((sum, { counts }) => sum + counts.length + 1, 0);
}

describe("the reference of a model version", () => {
  it("is missing at first", async () => {
    const error = await errorOf(await engine.get(PATH), 404, "REFERENCE_NOT_FOUND");
    assert.match(error.message, /millrace reference create card-fraud/);
    const path = "/models/card-fraud/versions/9.0.0/reference";
    for (const ask of [engine.get(path), engine.post(path, { window: WINDOW })])
      assert.match((await errorOf(await ask, 404, "MODEL_NOT_FOUND")).message, /"9\.0\.0" is no version/);
    await errorOf(await engine.get("/models/nothing/versions/1.0.0/reference"), 404, "MODEL_NOT_FOUND");
    await errorOf(await engine.get("/models/..%2f/versions/1.0.0/reference"), 404, "MODEL_NOT_FOUND");
  });

  it("is made from predictions in a window", async () => {
    const response = await engine.post(PATH, { window: WINDOW, bins: 10 });
    assert.equal(response.status, 201);
    const record = await jsonOf<ReferenceRecord>(response);
    assert.deepEqual(record.source, {
      kind: "window",
      from: "2020-01-01T00:00:00.000Z",
      to: "2100-01-01T00:00:00.000Z",
      rows: ROWS,
      labelled_rows: 0,
    });
    const document = await shown("production");
    assert.equal(document.reference_id, record.reference_id);
    assert.equal(document.model_version, "1.0.0");
    const names = document.profile.columns.map(({ name }) => name);
    assert.deepEqual(names, [...Object.keys(rows[0] as Payment), "predicted_value", "predicted_class"]);
    assert.equal((await engine.post(PATH, { window: WINDOW, bins: 10 })).status, 200, "nothing changes");
  });

  it("is the same, made from a file with the same rows", async () => {
    const before = await shown();
    const { code, stdout, stderr } = await createFrom(
      "same.csv",
      paymentsCsv(rows, predictions),
      "--bins",
      "10",
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^reference of card-fraud 1\\.0\\.0: ${before.reference_id}$`, "m"));
    assert.deepEqual(await shown(), before);
  });

  it("has metrics and an estimator of the labels of a file, and notes the columns that are left out", async () => {
    const text = paymentsCsv(rows, predictions, (row) => ({
      outcome: row % 5 === 4 ? "" : row % 3 === 0 ? "chargeback" : "fine",
      comment: `row "${row}", of many`,
    }));
    const options = ["--label-column", "outcome", "--positive", "chargeback", "--bins", "10"];
    const { code, stdout, stderr } = await createFrom("labelled.csv", text, ...options);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^columns that the model does not have are left out: comment$/m);
    assert.match(stdout, /^300 rows, 240 with a label, from the file labelled\.csv$/m);
    const { profile, metrics, estimator, source, previous } = await shown();
    assert.equal(profile.rows, ROWS);
    assert.equal(source.labelled_rows, 240);
    assert.ok((metrics?.roc_auc?.value ?? 0) > 0);
    assert.ok(estimator !== undefined);
    assert.deepEqual(previous, [], "the bins are those that it had before");
  });

  it("is printed as a table, and as JSON", async () => {
    const { code, stdout, stderr } = await runCli([
      "reference",
      "show",
      "card-fraud",
      "--url",
      engine.httpUrl,
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^column +type +rows +null +mean +std +min +max +bins$/m);
    assert.match(stdout, /^amount +number +300 +0\.0 % +\d/m);
    assert.match(stdout, /^transactions_1h +number +300 +0\.0 % +1 +0 +1 +1 +\d +constant$/m);
    assert.match(stdout, /^country +category +300 +0\.0 % +4$/m);
    assert.match(stdout, /^ROC AUC +0\.\d+ +0\.\d+ +0\.\d+$/m);
    const json = await runCli(["reference", "show", "card-fraud", "--url", engine.httpUrl, "--json"]);
    assert.deepEqual(JSON.parse(json.stdout), await shown());
  });

  it("is named by the model's detail", async () => {
    const { records } = await jsonOf<{ records: { manifest: { version: string }; reference_id?: string }[] }>(
      await engine.get("/models/card-fraud"),
    );
    const found = records.map(({ manifest, reference_id }) => [manifest.version, reference_id]);
    assert.deepEqual(found, [["1.0.0", (await shown()).reference_id]]);
  });

  it("is replaced, and its former ones stay named", async () => {
    const former = (await shown()).reference_id;
    const { profile } = await shown();
    const amount = profile.columns[0];
    assert.ok(amount?.type === "number");
    const others = { ...profile, columns: [{ ...amount, mean: 1 }, ...profile.columns.slice(1)] };
    const answer = await put({ profile: others });
    assert.equal(answer.status, 201);
    const { reference_id, source, previous } = await shown();
    assert.notEqual(reference_id, former);
    assert.deepEqual(previous, [former]);
    assert.deepEqual(source, { kind: "upload", rows: ROWS, labelled_rows: 0 });
  });

  it("of many that are put at once one counts, and all are named", async () => {
    const { profile, reference_id: former } = await shown();
    const [amount, ...rest] = profile.columns;
    assert.ok(amount?.type === "number");
    const answers = await Promise.all(
      Array.from({ length: 8 }, async (_, at) =>
        put({ profile: { ...profile, columns: [{ ...amount, mean: 2 + at }, ...rest] } }),
      ),
    );
    const ids = await Promise.all(
      answers.map(async (answer) => (await jsonOf<ReferenceRecord>(answer)).reference_id),
    );
    const { reference_id, previous } = await shown();
    assert.deepEqual([reference_id, ...previous].slice(0, 8).sort(), ids.toSorted());
    assert.equal(previous[7], former);
  });

  it("is made one at a time", async () => {
    const asked = Array.from({ length: 6 }, async () => engine.post(PATH, { window: WINDOW, bins: 7 }));
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    assert.ok(
      statuses.every((status) => [200, 201, 429].includes(status)),
      statuses.join(),
    );
    assert.ok(statuses.includes(201) && statuses.includes(429), statuses.join());
  });
});

describe("a reference that cannot be one", () => {
  it("of another schema, with too few rows or damaged, is refused by name", async () => {
    const { profile } = await shown();
    const [amount, hour, ...rest] = profile.columns;
    assert.ok(amount?.type === "number" && hour !== undefined);
    const wrong: [unknown, RegExp][] = [
      [{ ...profile, columns: [hour, ...rest] }, /amount: is an input/],
      [{ ...profile, columns: [hour, amount, ...rest] }, /amount: must stand before hour/],
      [{ ...profile, columns: [{ ...amount, name: "sum" }, hour, ...rest] }, /sum: is no column/],
      [{ ...profile, columns: [{ ...amount, counts: [1] }, hour, ...rest] }, /amount: counts must/],
      [undefined, /profile/],
    ];
    for (const [given, pattern] of wrong) {
      const error = await errorOf(await put({ profile: given }), 400, "INVALID_REQUEST");
      assert.match(error.message, pattern);
    }
    const long = await errorOf(
      await put({ profile: "x".repeat(17 * 1024 * 1024) }),
      413,
      "PAYLOAD_TOO_LARGE",
    );
    assert.match(long.message, /16777216/);
    const metrics = { mae: { value: 1 } };
    assert.match(
      (await errorOf(await put({ profile, metrics }), 400, "INVALID_REQUEST")).message,
      /metrics\.mae/,
    );
    const source = { labelled_rows: ROWS + 1 };
    assert.match(
      (await errorOf(await put({ profile, source }), 400, "INVALID_REQUEST")).message,
      /labelled_rows/,
    );
    assert.equal((await put('{"profile": 1e999}')).status, 400);
  });

  it("of an empty window, or of none", async () => {
    const ask = async (window: unknown): Promise<string> =>
      (await errorOf(await engine.post(PATH, { window }), 400, "INVALID_REQUEST")).message;
    const empty = { from: "2020-01-01T00:00:00Z", to: "2020-01-02T00:00:00Z" };
    assert.match(await ask(empty), /has no predictions of card-fraud@1\.0\.0 from 2020-01-01T00:00:00\.000Z/);
    assert.match(await ask({ from: WINDOW.to, to: WINDOW.from }), /from must be before to/);
    assert.match(await ask({ ...WINDOW, from: "yesterday" }), /window\.from: must be milliseconds/);
    assert.match(await ask(undefined), /window/);
  });

  it("of a file without an input, with texts for numbers, or with too few rows", async () => {
    const without = rows.map(withoutAmount);
    const text = paymentsCsv(rows.map((row, at) => (at === 250 ? { ...row, hour: "noon" } : row)));
    const files: [string, RegExp][] = [
      [paymentsCsv(without), /amount: is an input of card-fraud@1\.0\.0: the file must have a column/],
      [text, /hour: must have numbers; 1 values are none, such as "noon"/],
      [paymentsCsv(rows.slice(0, 50)), /50 rows; give at least 100/],
    ];
    for (const [content, pattern] of files) {
      const { code, stderr } = await createFrom("wrong.csv", content);
      assert.equal(code, 1);
      assert.match(stderr, pattern);
      assert.doesNotMatch(stderr, /\n +at /);
    }
    const csv = paymentsCsv(rows, predictions, () => ({ label: "maybe" }));
    assert.match(
      (await createFrom("maybe.csv", csv)).stderr,
      /label: row 1 has "maybe": must be one of legitimate/,
    );
    assert.match((await create("--file", "nowhere.csv")).stderr, /nowhere\.csv is not there/);
    assert.match((await create()).stderr, /give either --file, or --from and --to/);
    const wrongVersion = await create("--file", "nowhere.csv", "--version", "staging");
    assert.match(wrongVersion.stderr, /no version or alias staging: it has 1\.0\.0, production/);
  });
});

it("nulls and infinities in a file are what they are in the log", async () => {
  const odd = rows.map((row, at) => ({
    ...row,
    amount: at % 2 === 0 ? "" : at % 3 === 0 ? "inf" : "NaN",
    country: "",
    card_present: at % 2 === 0 ? "True" : "false",
  }));
  const { code, stderr } = await createFrom("odd.csv", paymentsCsv(odd));
  assert.equal(code, 0, stderr);
  const { profile } = await shown();
  const [amount, , , country, present] = profile.columns;
  assert.deepEqual([amount?.state, amount?.count, amount?.null_count], ["empty", 50, 250]);
  assert.deepEqual([country?.state, country?.null_count], ["empty", ROWS]);
  assert.ok(present?.type === "number");
  assert.deepEqual([present.mean, present.min, present.max], [0.5, 0, 1]);
});

it("a window with more rows than are taken gives the same ones every time", async () => {
  const question = {
    model: "card-fraud",
    version: "1.0.0",
    fromMs: Date.parse(WINDOW.from),
    toMs: Date.parse(WINDOW.to),
    columns: [
      { name: "amount", type: "number", index: 0 },
      { name: "country", type: "category", index: 1 },
    ],
    rowsMax: 100,
  } as const;
  const read = async () => readReferenceRows(engine.clickhouse(), "millrace", question);
  const [first, second] = await Promise.all([read(), read()]);
  assert.deepEqual([first.rows, first.total], [100, ROWS]);
  const amounts = (values: typeof first.values) =>
    Float32Array.from(values.get("amount") as Float32Array).sort();
  assert.deepEqual(amounts(first.values), amounts(second.values));
  const known = new Map(rows.map(({ amount, country }) => [Math.fround(Number(amount)), country]));
  const countries = first.values.get("country");
  (first.values.get("amount") as Float32Array).forEach((amount, at) => {
    assert.equal(countries?.[at], known.get(amount), "columns stay together");
  });
});

it("references stay over kills, and each has its bins in ClickHouse once", async () => {
  const { code, stderr } = await create("--from", WINDOW.from, "--to", WINDOW.to, "--bins", "10");
  assert.equal(code, 0, stderr);
  const reference = await shown();
  const slots = slotsOf(reference);
  const stored = async (): Promise<boolean> => (await binsOf(reference.reference_id)).rows > 0;
  await eventually("the bins are stored", stored, 20_000);
  const { columns } = reference.profile;
  const amount = columns[0];
  assert.ok(amount?.type === "number");
  const bins = await engine.sql<{ low: number | null; high: number | null; count: string; is_null: boolean }>(
    `SELECT low, high, count, is_null FROM millrace.reference_bins WHERE feature = 'amount'
     AND reference_id = {id:String} AND isFinite(low) AND isFinite(high) ORDER BY bin`,
    { id: reference.reference_id },
  );
  assert.deepEqual(
    bins.map(({ low, high, count }) => [Math.fround(Number(low)), Math.fround(Number(high)), Number(count)]),
    amount.edges.slice(1).map((edge, at) => [amount.edges[at], edge, amount.counts[at + 1]]),
  );
  await engine.kill9();
  await engine.start();
  assert.deepEqual(await shown(), reference);
  const expected = new Map([[reference.reference_id, slots]]);
  for (const count of [9, 8, 6]) {
    await engine.post(PATH, { window: WINDOW, bins: count });
    process.kill(await eventually("the control plane is there", () => pidOf(engine, "control")), "SIGKILL");
    const next = await shown();
    expected.set(next.reference_id, slotsOf(next));
    await eventually("its bins are stored", async () => (await binsOf(next.reference_id)).rows > 0, 30_000);
  }
  for (const [id, rows] of expected) assert.deepEqual(await binsOf(id), { rows, counted: ROWS });
});

it("bins that are inserted again are there once", async () => {
  const [client, key, id] = [engine.clickhouse(), { name: "other", version: "1.0.0" }, "ab".repeat(32)];
  const { profile } = await shown();
  assert.equal(await hasReferenceBins(client, "millrace", key, id), false);
  for (let turn = 0; turn < 2; turn++)
    await insertReferenceBins(client, "millrace", key, id, binRowsOf(profile));
  assert.equal(await hasReferenceBins(client, "millrace", key, id), true);
  assert.equal(await hasReferenceBins(client, "millrace", { ...key, version: "2.0.0" }, id), false);
  assert.deepEqual(await binsOf(id), { rows: slotsOf(await shown()), counted: ROWS });
});
