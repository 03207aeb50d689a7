/**
 * Training tables of files and of analysts' queries: which inputs are inferred, what is read, and what is refused.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import { type TableData, trainingData } from "../../engine/core/training-data.ts";
import { columnTable, type ReadTable } from "../../engine/train/data/column-table.ts";
import { checkTable } from "../../engine/train/data/data-checks.ts";
import { fingerprintOf } from "../../engine/train/data/fingerprint.ts";
import { type ClickHouse, openAnalystClickHouse, openClickHouse } from "../../storage/clickhouse.ts";
import { migrate } from "../../storage/migrate.ts";
import { readTableColumns } from "../../storage/table-columns.ts";
import { openTableFiles, type TableFiles } from "../../storage/table-files.ts";
import { profileTable } from "../../storage/table-profile.ts";
import { openFileTable, openQueryTable, type TextTable } from "../../storage/text-table.ts";
import { PASSWORD, startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { hasCode } from "../support/error-code.ts";

async function tableOf(table: TextTable, spec: object): Promise<ReadTable> {
  const data = trainingData.parse({ rows_max: 10_000, ...spec }) as TableData;
  return columnTable(data, {
    names: table.names,
    profile: async (names) => profileTable(table, names),
    read: async (columns, rowsMax, groupedBy) =>
      readTableColumns({ table, columns, rowsMax, groupedBy, onProgress: () => undefined }),
  });
}

const kinds = ({ table }: ReadTable): string[] =>
  table.inputs.map(({ name, type, nullable }) => `${name} ${type}${nullable === true ? "?" : ""}`);
const notes = (read: ReadTable): string[] => read.notes.map(({ field, message }) => `${field}: ${message}`);

describe("a training table of a file", () => {
  let files: TableFiles;
  before(async () => {
    files = await openTableFiles();
  });
  after(async () => files?.[Symbol.asyncDispose]());

  async function ofFile(name: string, text: string, spec: object = {}): Promise<ReadTable> {
    const path = join(files.folder, name);
    await writeFile(path, text);
    const table = await openFileTable(files, path);
    return tableOf(table, { source: "file", path, label_column: "label", ...spec });
  }

  const HEAD = "amount,hours per week,color,vip,at,nothing,same,id,weight,label";
  const lineOf = (row: number): string =>
    [
      row % 10 === 0 ? "NA" : row / 4,
      row,
      row % 7 === 0 ? "" : ["red", "blue"][row % 2],
      row % 3 === 0 ? "TRUE" : "false",
      `2026-03-${String((row % 28) + 1).padStart(2, "0")} 10:00:00`,
      "",
      5,
      `id-${row}`,
      1 + (row % 2),
      row === 8 ? "" : [">50K", "<=50K"][row % 2],
    ].join(",");
  const CSV = `${HEAD}\n${Array.from({ length: 400 }, (_, row) => lineOf(row)).join("\n")}\n`;

  it("has inputs by what the columns hold, and says what it leaves out", async () => {
    const read = await ofFile("all.csv", CSV, { weight_column: "weight", time_column: "at" });
    assert.deepEqual(kinds(read), ["amount float?", "hours_per_week float", "color text?", "vip bool"]);
    assert.deepEqual(notes(read), [
      'hours per week: is the input "hours_per_week" of the model',
      "nothing: has no value in any row: it is left out",
      "same: is the same in every row: it is left out",
      "id: has more than 255 different texts, like an id or free text: it is left out",
      "label: has no value in 1 rows: they are left out",
    ]);
    const { table } = read;
    assert.deepEqual([read.totalRows, table.raw.count], [400, 399]);
    assert.deepEqual(table.classes, ["<=50K", ">50K"]);
    assert.deepEqual([...table.raw.numbers.subarray(0, 8)], [Number.NaN, 0, 0, 1, 0.25, 1, 0, 0]);
    assert.deepEqual(table.raw.texts.slice(0, 3), ["", "blue", "red"]);
    assert.deepEqual([...table.targets.subarray(0, 3)], [1, 0, 1]);
    assert.deepEqual([...(table.weights?.subarray(0, 3) ?? [])], [1, 2, 1]);
    assert.equal(table.timesMs?.[1], Date.UTC(2026, 2, 2, 10));
    assert.equal(table.timesMs?.[8], Date.UTC(2026, 2, 10, 10), "the eighth is row 9: row 8 has no label");
  });

  it("reads a time that is a feature as serving would", async () => {
    const read = await ofFile("times.csv", CSV, { features: { include: ["at", "amount"] } });
    assert.deepEqual(kinds(read), ["amount float?", "at timestamp"]);
    assert.equal(read.table.raw.texts[0], "2026-03-01T10:00:00.000Z");
  });

  it("has the same fingerprint whatever the format, and another for another row", async () => {
    const rows = Array.from({ length: 40 }, (_, row) => ({
      size: row / 8,
      word: `w${row % 3}`,
      label: row % 2,
    }));
    const csv = `size,word,label\n${rows.map(({ size, word, label }) => `${size},${word},${label}`).join("\n")}\n`;
    const print = async (name: string, text: string) => fingerprintOf((await ofFile(name, text)).table);
    const first = await print("one.csv", csv);
    assert.equal(await print("two.jsonl", rows.map((row) => JSON.stringify(row)).join("\n")), first);
    const parquet = join(files.folder, "three.parquet");
    const columns = [
      { name: "size", type: "Float64" },
      { name: "word", type: "String" },
      { name: "label", type: "Int32" },
    ];
    await files.convert(join(files.folder, "two.jsonl"), columns, parquet, "parquet");
    const table = await openFileTable(files, parquet);
    const spec = { source: "file", path: parquet, label_column: "label" };
    assert.equal(fingerprintOf((await tableOf(table, spec)).table), first);
    assert.notEqual(await print("four.csv", csv.replace("w2", "w1")), first);
  });

  it("draws the same rows of many, and keeps rows of an entity together", async () => {
    const text = `size,who,label\n${Array.from({ length: 3000 }, (_, row) => `${row},e${row % 5},${row % 2}`).join("\n")}\n`;
    const spec = { rows_max: 300, entity_column: "who" };
    const first = await ofFile("many.csv", text, spec);
    assert.deepEqual([first.table.raw.count, first.totalRows], [300, 3000]);
    assert.deepEqual(notes(first), ["rows_max: 300 of 3000 rows were drawn"]);
    assert.equal(new Set(first.table.groups).size, 5);
    assert.equal(fingerprintOf((await ofFile("many.csv", text, spec)).table), fingerprintOf(first.table));
  });

  it("keeps a row in its group whatever rows stand before it, and rows that repeat it too", async () => {
    const line = (row: number, yes = "yes"): string =>
      `${row / 3},${["x", "y"][row % 2]},${row},${row % 3 > 0 ? "no" : yes}`;
    const csv = (from: number, to: number, yes?: string): string =>
      Array.from({ length: to - from }, (_, at) => line(from + at, yes)).join("\n");
    const head = "size,word,weight,label";
    const spec = { weight_column: "weight" };
    const first = await ofFile("first.csv", `${head}\n${csv(1, 301)}`, spec);
    assert.deepEqual(first.groupedBy, ["size", "word"]);
    const later = await ofFile("later.csv", `${head}\n${csv(101, 401, "perhaps")}\n${line(201)}`, spec);
    const { groups } = first.table;
    assert.equal(new Set(groups).size, 300);
    assert.deepEqual(later.table.groups.subarray(0, 200), groups.subarray(100), "whatever the label");
    assert.equal(later.table.groups[300], groups[200]);
  });

  it("finds no leak in rows that are repeated", async () => {
    const lines = Array.from(
      { length: 600 },
      (_, row) => `${(row % 60) * 1.5},${(row % 60) % 7 < 3 ? "a" : "b"}`,
    );
    const { table } = await ofFile("repeated.csv", `a,label\n${lines.join("\n")}\n`);
    assert.equal(new Set(table.groups).size, 60);
    checkTable(table, trainingData.parse({ source: "file", path: "a", label_column: "label" }).leakage);
  });

  it("refuses columns that are not there with the nearest name, and values that are none", async () => {
    const refused = async (spec: object, pattern: RegExp, text = CSV) =>
      assert.rejects(ofFile("bad.csv", text, spec), hasCode("INVALID_REQUEST", pattern));
    await refused({ label_column: "lable" }, /^label_column: there is no "lable"; did you mean "label"\?/);
    await refused(
      { time_column: "when" },
      /^time_column: there is no "when"; there are amount, hours per week/,
    );
    await refused({ features: { exclude: ["amout"] } }, /features\.exclude\.0: .*"amount"\?/);
    await refused({ features: { include: ["label"] } }, /features\.include\.0: "label" is the label/);
    await refused({ weight_column: "amount" }, /^amount: row 1 has "NA": must be a positive number/);
    await refused({ time_column: "color" }, /^color: row 1 has null: must be a time/);
    await refused(
      { features: { include: ["id", "same"] } },
      /no column can be learned from: same is the same .*; id has more/,
    );
    await refused({}, /^label: has no value in any row/, "size,label\n1,\n2,\n");
  });
});

describe("a training table of a query", () => {
  let server: TestClickhouse;
  let analyst: ClickHouse;
  before(async () => {
    server = await startTestClickhouse();
    const owner = openClickHouse(server.url.replace("//", `//millrace:${encodeURIComponent(PASSWORD)}@`));
    await migrate(owner, "millrace", pino({ level: "silent" }));
    await owner.command({
      query: `INSERT INTO millrace.predictions (log_seq, source, prediction_id, model_name, model_version, predicted_value, features, categories, prediction_date)
        SELECT number, 'http', generateUUIDv4(), 'm', '1.0.0', number % 2, [number / 3, number], [['red', 'blue'][number % 2 + 1]], fromUnixTimestamp64Milli(toInt64(1772323200000 + number * 1000)) FROM numbers(500)`,
    });
    await owner.close();
    analyst = openAnalystClickHouse(server.url);
  });
  after(async () => {
    await analyst?.close();
    await server?.remove();
  });

  const SQL = `SELECT features[1] AS size, categories[1] AS color, prediction_date AS at, predicted_value > 0.5 AS label
    FROM millrace.predictions WHERE model_name = 'm' -- all of them`;
  const ofQuery = async (sql: string, spec: object = {}): Promise<ReadTable> =>
    tableOf(await openQueryTable(analyst, sql), { source: "query", sql, label_column: "label", ...spec });

  it("is read as the analysts' user, the same whatever order ClickHouse gives", async () => {
    const read = await ofQuery(SQL, { time_column: "at" });
    assert.deepEqual(kinds(read), ["size float", "color text"]);
    assert.equal(read.table.raw.count, 500);
    assert.deepEqual(read.table.classes, ["0", "1"]);
    assert.deepEqual([...read.table.raw.numbers.subarray(0, 4)], [0, 0, Math.fround(1 / 3), 0]);
    assert.equal(read.table.timesMs?.[0], 1_772_323_200_000);
    const backwards = await ofQuery(`SELECT * FROM (${SQL}\n) ORDER BY at DESC;`, { time_column: "at" });
    assert.equal(fingerprintOf(backwards.table), fingerprintOf(read.table));
  });

  it("is refused beyond rows_max, since its rows have nothing to draw by", async () => {
    await assert.rejects(
      ofQuery(SQL, { rows_max: 100 }),
      hasCode("INVALID_REQUEST", /^rows_max: the query gives 500 rows, more than 100: add a LIMIT/),
    );
  });

  it("may do no more than an analyst", async () => {
    const refused = async (sql: string, pattern: RegExp) =>
      assert.rejects(ofQuery(sql), hasCode("INVALID_REQUEST", pattern));
    await refused("SELECT * FROM url('http://127.0.0.1/x', 'CSV')", /read-only analyst and may not use/);
    await refused("SELECT * FROM file('/etc/passwd', 'CSV')", /read-only analyst and may not use/);
    await refused("DROP TABLE millrace.predictions", /^sql: /);
    await refused("SELECT 1 AS label) ; DROP TABLE millrace.predictions; SELECT (1", /^sql: /);
    await refused("SELECT nothing FROM millrace.predictions", /^sql: .*nothing/);
    await refused(
      "SELECT 1 AS labels, 2 AS size",
      /^label_column: there is no "label"; did you mean "labels"\?/,
    );
  });
});
