/** Reference profiles: what is built from rows, what is refused, and the id. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toCanonicalJson } from "../../../../../engine/core/canonical-json.ts";
import {
  buildProfile,
  type ColumnValues,
} from "../../../../../engine/monitor/references/reference-builder.ts";
import {
  parseProfile,
  profileId,
  watchedColumns,
} from "../../../../../engine/monitor/references/reference-profile.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { mixedManifest } from "../../../../support/manifests.ts";
import { createRandom } from "../../../../support/random.ts";

const ROWS = 400;
const columns = watchedColumns(mixedManifest());

function referenceRows(
  change: Readonly<Record<string, ColumnValues | undefined>> = {},
): Map<string, ColumnValues> {
  const random = createRandom(3);
  const values = new Map<string, ColumnValues>([
    ["size", Float32Array.from({ length: ROWS }, () => random.next() * 20 - 10)],
    ["age", Float32Array.from({ length: ROWS }, () => random.between(18, 22))],
    [
      "color",
      Array.from({ length: ROWS }, (_, at) =>
        at % 50 === 0 ? (at % 100 === 0 ? null : "") : at % 3 === 0 ? "red" : "blue",
      ),
    ],
    ["new", Float32Array.from({ length: ROWS }, (_, at) => at % 2)],
    ["predicted_value", Float32Array.from({ length: ROWS }, () => random.next())],
    ["predicted_class", Array.from({ length: ROWS }, (_, at) => (at % 4 === 0 ? "yes" : "no"))],
  ]);
  for (const [name, given] of Object.entries(change))
    if (given === undefined) values.delete(name);
    else values.set(name, given);
  return values;
}

function columnOf(name: string, change: Readonly<Record<string, ColumnValues | undefined>> = {}) {
  const found = buildProfile(columns, referenceRows(change)).columns.find((column) => column.name === name);
  assert.ok(found !== undefined);
  return found;
}

describe("watched columns", () => {
  it("are inputs and outputs: booleans are numbers, texts are categories, timestamps are left out", () => {
    assert.deepEqual(
      columns.map(({ name, role, type }) => `${name} ${role} ${type}`),
      [
        "size input number",
        "age input number",
        "color input category",
        "new input number",
        "predicted_value output number",
        "predicted_class output category",
      ],
    );
  });
});

describe("reference profile", () => {
  it("has counts that sum to the rows, and can be parsed again", () => {
    const profile = buildProfile(columns, referenceRows());
    assert.deepEqual(parseProfile(JSON.parse(JSON.stringify(profile))), profile);
    assert.equal(profile.rows, ROWS);
    const color = columnOf("color");
    assert.deepEqual(color.type === "category" && [color.values, color.counts, color.null_count], [
      ["blue", "red"],
      [261, 131, 0],
      8,
    ]);
  });

  it("has the same id for the same rows in any order, and another for others", () => {
    const id = profileId(buildProfile(columns, referenceRows()));
    assert.match(id, /^[0-9a-f]{64}$/);
    const backwards = new Map([...referenceRows()].map(([name, values]) => [name, values.toReversed()]));
    assert.equal(profileId(buildProfile(columns, backwards)), id);
    const stored = JSON.parse(toCanonicalJson(buildProfile(columns, referenceRows()))) as unknown;
    assert.equal(profileId(parseProfile(stored)), id);
    assert.notEqual(profileId(buildProfile(columns, referenceRows(), { bins: 21 })), id);
    const others = new Float32Array(ROWS).fill(1);
    assert.notEqual(profileId(buildProfile(columns, referenceRows({ new: others }))), id);
  });

  it("marks constant and empty columns", () => {
    assert.equal(columnOf("size").state, "varying");
    assert.equal(columnOf("size", { size: new Float32Array(ROWS).fill(5) }).state, "constant");
    const empty = columnOf("size", { size: new Float32Array(ROWS).fill(Number.NaN) });
    assert.deepEqual([empty.state, empty.count, empty.null_count, empty.counts], ["empty", 0, ROWS, [0]]);
    assert.equal(columnOf("color", { color: Array<string>(ROWS).fill("red") }).state, "constant");
    assert.equal(columnOf("color", { color: Array<null>(ROWS).fill(null) }).state, "empty");
  });

  it("counts infinite values in the guards, and takes moments without them", () => {
    const values = Float32Array.from({ length: ROWS }, (_, at) =>
      at < 3 ? Infinity : at === 3 ? -Infinity : at,
    );
    const column = columnOf("size", { size: values });
    assert.ok(column.type === "number");
    assert.deepEqual([column.counts[0], column.counts.at(-1), column.count], [1, 3, ROWS]);
    assert.deepEqual([column.min, column.max, column.mean], [4, ROWS - 1, (ROWS + 3) / 2]);
    const onlyInfinite = columnOf("size", { size: new Float32Array(ROWS).fill(Infinity) });
    assert.deepEqual([onlyInfinite.state, onlyInfinite.counts], ["empty", [ROWS]]);
  });

  it("lists 200 categories and counts the others together; long ones are never listed", () => {
    const many = Array.from({ length: ROWS }, (_, at) =>
      at < 50 ? "often" : at === 50 ? "x".repeat(300) : `w${at}`,
    );
    const column = columnOf("color", { color: many });
    assert.ok(column.type === "category");
    assert.equal(column.values.length, 200);
    assert.equal(column.values[0], "often");
    assert.equal(column.counts.at(-1), ROWS - 50 - 199);
    assert.ok(!column.values.some((value) => value.length > 256));
  });

  it("outputs may be left out, inputs may not", () => {
    const profile = buildProfile(columns, referenceRows({ predicted_class: undefined }));
    assert.equal(profile.columns.length, 5);
    assert.throws(
      () => buildProfile(columns, referenceRows({ age: undefined })),
      hasCode("INVALID_REQUEST", /age: is an input/),
    );
  });

  it("refuses a reference of another schema, naming each column", () => {
    const others = referenceRows({
      extra: new Float32Array(ROWS),
      color: new Float32Array(ROWS),
      age: new Float32Array(3),
    });
    assert.throws(
      () => buildProfile(columns, others),
      (error: { details?: readonly { field: string }[] }) => {
        assert.deepEqual(
          error.details?.map(({ field }) => field),
          ["age", "color", "extra"],
        );
        return true;
      },
    );
  });

  it("refuses too few rows and a wrong number of bins", () => {
    const few = new Map([...referenceRows()].map(([name, values]) => [name, values.slice(0, 99)]));
    assert.throws(() => buildProfile(columns, few), hasCode("INVALID_REQUEST", /99 rows; give at least 100/));
    assert.equal(buildProfile(columns, few, { rowsMin: 50 }).rows, 99);
    for (const bins of [1, 201, 2.5])
      assert.throws(
        () => buildProfile(columns, referenceRows(), { bins }),
        hasCode("INVALID_REQUEST", /bins/),
      );
  });

  it("a stored profile that does not add up is refused", () => {
    const profile = buildProfile(columns, referenceRows());
    const [first] = profile.columns;
    assert.ok(first?.type === "number");
    const broken: readonly unknown[] = [
      { ...profile, rows: ROWS + 1 },
      { ...profile, columns: [{ ...first, counts: first.counts.slice(1) }] },
      { ...profile, columns: [{ ...first, edges: first.edges.toReversed() }] },
      { ...profile, columns: [{ ...first, edges: first.edges.map((edge) => edge + 1e-12) }] },
      { ...profile, columns: [] },
      { ...profile, more: 1 },
      null,
    ];
    for (const one of broken)
      assert.throws(() => parseProfile(one), hasCode("INVALID_REQUEST", /reference profile/));
  });
});
