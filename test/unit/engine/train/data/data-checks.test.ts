/** What is refused before training, what is noted, and what a fingerprint tells apart. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ModelInput } from "../../../../../engine/core/model-input.ts";
import { trainingData } from "../../../../../engine/core/training-data.ts";
import { trainingValidation } from "../../../../../engine/core/training-validation.ts";
import { checkClasses, checkTable } from "../../../../../engine/train/data/data-checks.ts";
import { fingerprintOf } from "../../../../../engine/train/data/fingerprint.ts";
import { labelValues } from "../../../../../engine/train/data/label-values.ts";
import { labelShares } from "../../../../../engine/train/data/leakage.ts";
import { nearestName } from "../../../../../engine/train/data/nearest-name.ts";
import { splitRows } from "../../../../../engine/train/data/splits.ts";
import type { TrainingTable } from "../../../../../engine/train/data/training-table.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { createRandom } from "../../../../support/random.ts";
import { tableOf } from "../../../../support/training-tables.ts";

const { leakage: LEAKAGE } = trainingData.parse({ source: "file", path: "a.csv", label_column: "label" });
const NUMBER: ModelInput = { name: "size", type: "float", nullable: true };
const TEXT: ModelInput = { name: "word", type: "text", nullable: true };
const INPUTS = [NUMBER, TEXT] as const;
const random = createRandom(5);

/** Rows of noise with a label that `labelOf` makes of the row. */
function noise(rows: number, labelOf: (size: number, word: string) => number, classes = 2): TrainingTable {
  const plain = Array.from({ length: rows }, (): [number, string] => [
    random.next(),
    `w${random.between(1, 5)}`,
  ]);
  const targets = plain.map(([size, word]) => labelOf(size, word));
  return tableOf(
    INPUTS,
    plain,
    targets,
    classes === 0 ? {} : { classes: Array.from({ length: classes }, (_, at) => `c${at}`) },
  );
}
const coin = (): number => random.between(0, 1);

describe("checks of a training table", () => {
  it("pass for rows that teach something, without a note", () => {
    assert.deepEqual(
      checkTable(
        noise(500, (size) => (size + random.next() > 1 ? 1 : 0)),
        LEAKAGE,
      ),
      [],
    );
  });

  it("refuse too few rows, one class and a constant label", () => {
    assert.throws(
      () => checkTable(noise(19, coin), LEAKAGE),
      hasCode("INVALID_REQUEST", /has 19 rows with a label; give at least 20/),
    );
    assert.throws(
      () =>
        checkTable(
          noise(50, () => 1),
          LEAKAGE,
        ),
      hasCode("INVALID_REQUEST", /one class only: all 50 rows have "c1"/),
    );
    assert.throws(
      () =>
        checkTable(
          noise(50, () => 2.5, 0),
          LEAKAGE,
        ),
      hasCode("INVALID_REQUEST", /constant: all 50 rows have 2\.5/),
    );
  });

  it("note features without values or with one, and rows that are there twice", () => {
    const rows = Array.from(
      { length: 100 },
      (_, row): [null, string] => [null, "same"].with(1, row < 0 ? "" : "same") as [null, string],
    );
    const notes = checkTable(
      tableOf(
        INPUTS,
        rows,
        rows.map((_, row) => row % 2),
        { classes: ["a", "b"] },
      ),
      LEAKAGE,
    );
    assert.deepEqual(
      notes.map(({ field, message }) => [field, message.slice(0, 30)]),
      [
        ["size", "has no value in any row: nothi"],
        ["word", 'is "same" in every row: it tea'],
        ["data", "98 rows (98.0 %) are there mor"],
      ],
    );
  });

  it("tell rows apart that differ in one value, the label or where a text ends", () => {
    const rows: [number, string, string][] = Array.from({ length: 30 }, (_, row) => [row, "a", "b"]);
    rows.push([1, "ab", ""], [1, "", "ab"], [1, "a", "b"]);
    const inputs = [NUMBER, TEXT, { ...TEXT, name: "other" }];
    const checked = (lastTarget: number) => {
      const targets = rows.map((_, row) => row % 2).with(32, lastTarget);
      return checkTable(tableOf(inputs, rows, targets, { classes: ["a", "b"] }), LEAKAGE);
    };
    assert.deepEqual(
      checked(1).map(({ message }) => message.slice(0, 15)),
      ["1 rows (3.0 %) "],
    );
    assert.deepEqual(checked(0), [], "another label");
  });

  it("refuse a feature that gives the label away, unless it is allowed", () => {
    const leaking = noise(2000, (_, word) => (word < "w3" ? 1 : 0));
    assert.throws(
      () => checkTable(leaking, LEAKAGE),
      hasCode("INVALID_REQUEST", /^word: says 100\.0 % of the label alone.*exclude it.*leakage\.allow/),
    );
    const notes = checkTable(leaking, { ...LEAKAGE, allow: ["word"] });
    assert.deepEqual(
      notes.map(({ field }) => field),
      ["word"],
    );
    assert.throws(
      () => checkTable(leaking, { ...LEAKAGE, allow: ["words"] }),
      hasCode("INVALID_REQUEST", /leakage\.allow\.0: .*did you mean "word"/),
    );
  });

  it("refuse a split whose parts lack a class", () => {
    const rare = noise(200, () => 0);
    const targets = rare.targets.map((_, row) => (row < 3 ? 1 : 0));
    const table = { ...rare, targets };
    const split = splitRows(
      { rows: 200, groups: table.groups },
      trainingValidation.parse({ method: "holdout" }),
    );
    assert.throws(
      () => checkClasses(table, split),
      hasCode("INVALID_REQUEST", /has fewer than \d rows of "c1" \(3 rows in all\): give more rows/),
    );
    const even = { ...rare, targets: rare.targets.map((_, row) => row % 2) };
    checkClasses(even, split);
  });
});

describe("what a feature says of the label", () => {
  const shareOf = (table: TrainingTable, name: string): number =>
    labelShares(table).find((one) => one.name === name)?.share ?? Number.NaN;

  it("is all for a copy of it, whatever its form", () => {
    const size = shareOf(
      noise(5000, (value) => (value > 0.9 ? 1 : 0)),
      "size",
    );
    assert.ok(size > 0.98, `a threshold: ${size}`);
    assert.equal(
      shareOf(
        noise(5000, (_, word) => Number(word.slice(1)) - 1, 5),
        "word",
      ),
      1,
    );
    const copy = shareOf(
      noise(5000, (value) => value, 0),
      "size",
    );
    assert.ok(copy > 0.999, `a copy: ${copy}`);
    const other = shareOf(
      noise(5000, (value) => Math.exp(-20 * value), 0),
      "size",
    );
    assert.ok(other > 0.999, `in other units: ${other}`);
    const missing = tableOf(
      INPUTS,
      Array.from({ length: 400 }, (_, row): [number | null, string] => [row % 2 === 0 ? null : 1, "x"]),
      Array.from({ length: 400 }, (_, row) => row % 2),
      { classes: ["a", "b"] },
    );
    assert.equal(shareOf(missing, "size"), 1, "that it is missing says it");
  });

  it("is little for noise and for ids, and in between for what helps", () => {
    const table = noise(5000, coin);
    assert.ok(
      labelShares(table).every(({ share }) => share < 0.1),
      JSON.stringify(labelShares(table)),
    );
    const ids = Array.from({ length: 2000 }, (_, row): [number, string] => [row, `id ${row}`]);
    const byId = tableOf(INPUTS, ids, ids.map(coin), { classes: ["a", "b"] });
    assert.equal(shareOf(byId, "word"), 0);
    const half = shareOf(
      noise(5000, (size) => (random.next() < 0.75 ? (size > 0.5 ? 1 : 0) : size > 0.5 ? 0 : 1)),
      "size",
    );
    assert.ok(half > 0.35 && half < 0.65, String(half));
  });

  it("is not told of too few rows", () => {
    assert.deepEqual(labelShares(noise(60, (_, word) => (word < "w3" ? 1 : 0))), []);
  });
});

describe("a fingerprint", () => {
  const rows: [number | null, string][] = [
    [1, "a"],
    [null, "b"],
    [3, ""],
  ];
  const plain = tableOf(INPUTS, rows, [0, 1, 0], { classes: ["no", "yes"] });

  it("is the same for the same rows, whatever bits stand for NaN and whatever is not data", () => {
    const bits = new Float32Array(new Uint32Array([0xffc00001]).buffer);
    const raw = { ...plain.raw, numbers: plain.raw.numbers.slice() };
    new Uint32Array(raw.numbers.buffer)[2] = 0xffc00001;
    assert.ok(Number.isNaN(bits[0]) && Number.isNaN(raw.numbers[2]));
    assert.equal(fingerprintOf({ ...plain, raw }), fingerprintOf(plain));
    const described = { ...plain, inputs: [{ ...NUMBER, description: "of it" }, TEXT] };
    assert.equal(fingerprintOf(described), fingerprintOf(plain));
    assert.match(fingerprintOf(plain), /^[0-9a-f]{64}$/);
  });

  it("is another for each thing that could make another model", () => {
    const swapped = tableOf(INPUTS, [rows[1], rows[0], rows[2]] as [number, string][], [1, 0, 0], {
      classes: ["no", "yes"],
    });
    const others: TrainingTable[] = [
      swapped,
      tableOf(INPUTS, rows.with(0, [1, "aa"]), [0, 1, 0], { classes: ["no", "yes"] }),
      tableOf(INPUTS, rows.with(0, [1.5, "a"]), [0, 1, 0], { classes: ["no", "yes"] }),
      { ...plain, targets: Float64Array.of(0, 1, 1) },
      { ...plain, classes: ["yes", "no"] },
      { ...plain, inputs: [{ ...NUMBER, name: "other" }, TEXT] },
      { ...plain, weights: Float64Array.of(1, 1, 1) },
      { ...plain, timesMs: Float64Array.of(1, 1, 1) },
      { ...plain, groups: Uint32Array.of(1, 2, 3) },
    ];
    const all = [plain, ...others].map(fingerprintOf);
    assert.equal(new Set(all).size, all.length);
  });
});

describe("labels", () => {
  it("are classes or numbers by their values", () => {
    assert.deepEqual(labelValues("y", [">50K", "<=50K", null, " >50K"]), {
      classes: ["<=50K", ">50K"],
      targets: Float64Array.of(1, 0, Number.NaN, 1),
    });
    assert.deepEqual(labelValues("y", ["10", "9", "n/a"]), {
      classes: ["9", "10"],
      targets: Float64Array.of(1, 0, Number.NaN),
    });
    assert.deepEqual(labelValues("y", ["1.5", "2", ""]), { targets: Float64Array.of(1.5, 2, Number.NaN) });
    assert.deepEqual(labelValues("y", ["1.0", "0", "01"]), {
      classes: ["0", "1"],
      targets: Float64Array.of(1, 0, 1),
    });
    assert.deepEqual(labelValues("y", ["TRUE", "false"]), {
      classes: ["false", "true"],
      targets: Float64Array.of(1, 0),
    });
    assert.deepEqual(labelValues("y", ["TRUE", "0x10", "1.0"]).classes, ["0x10", "1.0", "TRUE"]);
    const many = Array.from({ length: 30 }, (_, at) => String(at));
    assert.equal(labelValues("y", many).classes, undefined);
    assert.throws(
      () => labelValues("y", ["", null]),
      hasCode("INVALID_REQUEST", /y: has no value in any row/),
    );
    const ids = Array.from({ length: 1001 }, (_, at) => `id ${at}`);
    assert.throws(
      () => labelValues("y", ids),
      hasCode("INVALID_REQUEST", /has 1001 different texts, such as "id 0"/),
    );
  });
});

describe("a name that is not there", () => {
  it("is told with the nearest one", () => {
    const names = ["income", "age", "hours_per_week"];
    assert.equal(nearestName("incme", names), "income");
    assert.equal(nearestName("Age", names), "age");
    assert.equal(nearestName("hours-per-week", names), "hours_per_week");
    assert.equal(nearestName("education", names), undefined);
    assert.equal(nearestName("x", []), undefined);
  });
});
