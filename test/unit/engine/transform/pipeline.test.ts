/** What the goldens do not show: places, refusals, pipelines fitted step upon step, and fitting that cannot be done. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../../../engine/core/errors.ts";
import { type ModelInput, modelInput } from "../../../../engine/core/model-input.ts";
import { preprocessingSteps, unfittedSteps } from "../../../../engine/core/preprocessing.ts";
import { byCodePoint } from "../../../../engine/transform/code-point-order.ts";
import { fitPipeline } from "../../../../engine/transform/fit.ts";
import { compilePipeline } from "../../../../engine/transform/pipeline.ts";
import { type PlainRow, rawRowsOf, transformed } from "../../../support/raw-rows.ts";

const INPUTS = inputsOf(
  { name: "latitude", type: "float", nullable: true },
  { name: "longitude", type: "float" },
  { name: "word", type: "text", nullable: true },
  { name: "color", type: "category", categories: ["red", "blue"], nullable: true },
);
const MISSING: PlainRow = [null, 0, null, null];

function inputsOf(...inputs: unknown[]): ModelInput[] {
  return inputs.map((input) => modelInput.parse(input));
}

function run(steps: unknown, rows: readonly PlainRow[]): number[][] {
  return transformed(compilePipeline(INPUTS, preprocessingSteps.parse(steps)), rawRowsOf(INPUTS, rows));
}

function fit(steps: unknown, rows: readonly PlainRow[]) {
  return fitPipeline(INPUTS, unfittedSteps.parse(steps), rawRowsOf(INPUTS, rows));
}

function problemOf(work: () => unknown): { code: string; field: string | undefined; message: string } {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof EngineError);
    return { code: error.code, field: error.details[0]?.field, message: error.message };
  }
  return assert.fail("it was taken");
}

const select = (...columns: string[]): unknown => ({ type: "select", columns });

describe("a pipeline", () => {
  it("finds the published geohashes of places, and none for a place that is missing", () => {
    const cells = ["u4pruydqq", "ww8p1r4t8", "7zzzzzzzz", "s00000000"];
    const rows = [
      [57.64911, 10.40744],
      [37.8324, 112.5584],
      [-0.0000001, -0.0000001],
      [0, 0],
    ].map(([latitude, longitude]): PlainRow => [latitude ?? 0, longitude ?? 0, null, null]);
    for (const precision of [1, 5, 9]) {
      const categories = [cells.map((cell) => cell.slice(0, precision))];
      const steps = [
        { type: "geohash", columns: ["latitude", "longitude"], precision, output: "cell" },
        {
          type: "ordinal_encoder",
          columns: ["cell"],
          categories,
          handle_unknown: "use_encoded_value",
          unknown_value: -1,
        },
        select("cell"),
      ];
      assert.deepEqual(run(steps, [...rows, MISSING]), [[0], [1], [2], [3], [-1]]);
    }
  });

  it("leaves a column as it is when the result has a name of its own", () => {
    const steps = [
      { type: "standard_scaler", columns: ["longitude"], outputs: ["scaled"], mean: [1], scale: [2] },
      { type: "min_max_scaler", columns: ["longitude"], data_min: [0], data_max: [10] },
      select("scaled", "longitude"),
    ];
    assert.deepEqual(run(steps, [[0, 5, "", "red"]]), [[2, 0.5]]);
  });

  it("refuses what a strict encoder has not seen, and what it misses, by the name of the input", () => {
    const strict = {
      type: "one_hot_encoder",
      columns: ["color", "word"],
      categories: [["red", "blue", null], ["a"]],
    };
    const steps = [strict, select("word")];
    assert.deepEqual(run(steps, [[0, 0, "a", null]]), [[1]]);
    const unseen = problemOf(() => run(steps, [[0, 0, "b", null]]));
    assert.equal(unseen.code, "INVALID_FEATURES");
    assert.equal(unseen.field, "features.word");
    assert.match(unseen.message, /^features\.word is a category that the model has not seen: one of "a"$/);
    assert.match(problemOf(() => run(steps, [MISSING])).message, /^features\.word is required: one of "a"$/);
  });

  it("keeps nothing of one row for the next", () => {
    const steps = [
      {
        type: "one_hot_encoder",
        columns: ["color"],
        handle_unknown: "ignore",
        categories: [["red", "blue"]],
      },
      { type: "tfidf_vectorizer", columns: ["word"], norm: null, vocabulary: ["aa", "bb"], idf: [1, 2] },
      select("color", "word"),
    ];
    const row: PlainRow = [0, 0, "aa bb bb", "blue"];
    assert.deepEqual(run(steps, [row, MISSING, row]), [
      [0, 1, 1, 4],
      [0, 0, 0, 0],
      [0, 1, 1, 4],
    ]);
  });
});

describe("fitting", () => {
  const rows: PlainRow[] = [
    [1, 10, "bb", "blue"],
    [null, 20, "aa bb", "red"],
    [5, 60, null, null],
  ];

  it("fits each step on what the ones before it make", () => {
    const steps = [
      { type: "imputer", columns: ["latitude"], strategy: "constant", fill_value: 9 },
      { type: "min_max_scaler", columns: ["latitude"] },
      { type: "standard_scaler", columns: ["latitude"], with_std: false },
      { type: "one_hot_encoder", columns: ["color"] },
      { type: "tfidf_vectorizer", columns: ["word"], max_features: 1 },
      select("latitude", "color", "word"),
    ];
    const fitted = fit(steps, rows);
    assert.deepEqual(fitted.slice(1, 5), [
      { type: "min_max_scaler", columns: ["latitude"], data_min: [1], data_max: [9] },
      { type: "standard_scaler", columns: ["latitude"], with_std: false, mean: [0.5], scale: [1] },
      { type: "one_hot_encoder", columns: ["color"], categories: [["blue", "red", null]] },
      {
        type: "tfidf_vectorizer",
        columns: ["word"],
        max_features: 1,
        vocabulary: ["bb"],
        idf: [Math.log(4 / 3) + 1],
      },
    ]);
    assert.deepEqual(run(fitted, rows), [
      [-0.5, 1, 0, 0, 1],
      [0.5, 0, 1, 0, 1],
      [0, 0, 0, 1, 0],
    ]);
    assert.deepEqual(fit(fitted, rows), fitted, "fitted steps can be fitted again");
  });

  it("says which column cannot be learned from", () => {
    const mean = { type: "imputer", columns: ["latitude"], strategy: "mean" };
    const fields = (steps: unknown, training = rows): unknown[] => {
      const { code, field } = problemOf(() => fit(steps, training));
      return [code, field];
    };
    assert.deepEqual(fields([mean], [MISSING]), ["MODEL_INVALID", "preprocessing.0.columns.0"]);
    assert.deepEqual(fields([mean], []), ["MODEL_INVALID", "preprocessing.0.columns"]);
    assert.deepEqual(fields([{ ...mean, columns: ["word"] }]), [
      "MODEL_INVALID",
      "preprocessing.0.columns.0",
    ]);
    assert.deepEqual(fields([{ ...mean, columns: ["size"] }]), [
      "MODEL_INVALID",
      "preprocessing.0.columns.0",
    ]);
    const tfidf = { type: "tfidf_vectorizer", columns: ["word"], min_df: 3 };
    assert.deepEqual(fields([tfidf]), ["MODEL_INVALID", "preprocessing.0.vocabulary"]);
    assert.deepEqual(fields([mean, { type: "robust_scaler", columns: ["color"] }]), [
      "MODEL_INVALID",
      "preprocessing.1.columns.0",
    ]);
  });
});

it("texts are in the order of Python, by code point", () => {
  const ordered = [
    "",
    "A",
    "a",
    "aa",
    "a\uffee",
    "a\u{1f600}",
    "\ud83d",
    "\uffee",
    "\u{10000}",
    "\u{10001}",
    "\u{1f600}",
  ];
  assert.deepEqual(ordered.toReversed().sort(byCodePoint), ordered);
});
