/** Columns out of files by the command line's own engine: formats, spellings of nothing, and rows that are drawn. */
import assert from "node:assert/strict";
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, it } from "node:test";
import { readTableColumns } from "../../storage/table-columns.ts";
import { openTableFiles, type TableFiles } from "../../storage/table-files.ts";
import { openFileTable } from "../../storage/text-table.ts";
import { hasCode } from "../support/error-code.ts";

const COLUMNS = [
  { name: "size", type: "number" },
  { name: "color", type: "category" },
] as const;

let files: TableFiles;
before(async () => {
  files = await openTableFiles();
});
after(async () => files?.[Symbol.asyncDispose]());

async function read(name: string, text: string, rowsMax = 1000) {
  const path = join(files.folder, name);
  await writeFile(path, text);
  const table = await openFileTable(files, path);
  return readTableColumns({ table, columns: COLUMNS, rowsMax, onProgress: () => undefined });
}

it("numbers are doubles rounded to float32, and what has no value is null", async () => {
  const numbers = ["0.1", " 16777217 ", "-1e-3", "1e39", "-inf", "true", "False"];
  const nothing = ["", "NaN", "NA", "N/A", "null", "None"];
  const lines = [...numbers, ...nothing].map((size, at) => `"a ""b"",\n${at}",${size},x`);
  const { rows, total, values } = await read("spelled.csv", `color,size,other\n${lines.join("\n")}\n`);
  assert.deepEqual([rows, total], [13, 13]);
  const expected = [0.1, 16777217, -0.001, Infinity, -Infinity, 1, 0, ...nothing.map(() => Number.NaN)];
  assert.deepEqual(values.get("size"), Float32Array.from(expected));
  assert.equal(values.get("color")?.[2], 'a "b",\n2');
});

it("JSON lines give the same columns as CSV", async () => {
  const json = [
    { size: 0.1, color: "red" },
    { size: null, color: null },
    { size: 3, color: "7" },
  ];
  const lines = await read("same.jsonl", json.map((row) => JSON.stringify(row)).join("\n"));
  const csv = await read("same.csv", "size,color\n0.1,red\n,\n3,7\n");
  assert.deepEqual(lines, csv);
  assert.deepEqual([...(csv.values.get("color") as string[])], ["red", null, "7"]);
});

it("of more rows than are taken the same ones are drawn every time, whole", async () => {
  const csv = `size,color\n${Array.from({ length: 5000 }, (_, at) => `${at},c${at}`).join("\n")}\n`;
  const first = await read("many.csv", csv, 500);
  assert.deepEqual([first.rows, first.total], [500, 5000]);
  const sizes = [...(first.values.get("size") as Float32Array)];
  assert.equal(new Set(sizes).size, 500);
  assert.deepEqual(
    sizes.map((size) => `c${size}`),
    first.values.get("color"),
  );
  const upper = sizes.filter((size) => size >= 2500).length;
  assert.ok(upper > 150 && upper < 350, `${upper} of the second half`);
  assert.deepEqual(await read("again.csv", csv, 500), first);
});

it("each column that has no numbers is named, with an example", async () => {
  const text = `size,color\n${"1,red\n".repeat(40_000)}1_000,red\n1,5,red\n`;
  await assert.rejects(read("wrong.csv", text), hasCode("INVALID_REQUEST"));
  const single = `size,color\n${"1,red\n".repeat(40_000)}1_000,red\n`;
  await assert.rejects(
    read("single.csv", single),
    hasCode("INVALID_REQUEST", /size: .* 1 values are none, such as "1_000"/),
  );
});

it("rows that come while a table is read are left for the next time", async () => {
  const path = join(files.folder, "growing.csv");
  await writeFile(path, "size,color\n1,red\n2,blue\n");
  const table = await openFileTable(files, path);
  const growing: typeof table = {
    ...table,
    aggregate: async (selected, use) => {
      await table.aggregate(selected, use);
      await appendFile(path, "3,green\n4,white\n");
    },
  };
  const question = { table: growing, columns: COLUMNS, onProgress: () => undefined };
  const { rows, values } = await readTableColumns({ ...question, rowsMax: 1000 });
  assert.equal(rows, 2);
  assert.deepEqual(values.get("color"), ["red", "blue"]);
});
