/** Which pipelines a manifest may have: every disagreement is refused with the step and the field. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { layoutOf } from "../../../../engine/core/column-layout.ts";
import { EngineError } from "../../../../engine/core/errors.ts";
import { inputWidth, parseManifest } from "../../../../engine/core/manifest.ts";

const INPUTS = [
  { name: "amount", type: "float" },
  { name: "age", type: "int", nullable: true },
  { name: "word", type: "text", nullable: true },
  { name: "color", type: "category", categories: ["red", "blue"] },
  { name: "at", type: "timestamp" },
];
const IMPUTE = { type: "imputer", columns: ["age"], strategy: "mean", statistics: [40] };
const SCALE = { type: "standard_scaler", columns: ["amount", "age"], mean: [1, 2], scale: [3, 4] };
const ENCODE = {
  type: "one_hot_encoder",
  columns: ["word", "color"],
  handle_unknown: "ignore",
  categories: [
    ["a", null],
    ["red", "blue"],
  ],
};
const SPLIT = { type: "time_parts", columns: ["at"], parts: ["hour", "month"] };
const SELECT = { type: "select", columns: ["word_a", "amount", "at_hour", "color"] };
const GOOD = [IMPUTE, SCALE, ENCODE, SPLIT, SELECT];

function manifest(preprocessing: unknown, change: Record<string, unknown> = {}): unknown {
  return {
    name: "steps",
    version: "1.0.0",
    runtime: "onnx",
    inputs: INPUTS,
    input_tensor: "features",
    outputs: [{ name: "value", type: "value" }],
    preprocessing,
    ...change,
  };
}

function refused(preprocessing: unknown, change: Record<string, unknown> = {}): string[] {
  try {
    parseManifest(manifest(preprocessing, change));
  } catch (error) {
    assert.ok(error instanceof EngineError);
    assert.equal(error.code, "MODEL_INVALID");
    return error.details.map(({ field }) => field);
  }
  return assert.fail("it was taken");
}

/** The field that is refused when step `index` of GOOD is replaced. */
function refusedWith(index: number, step: unknown): string[] {
  return refused(GOOD.with(index, step as (typeof GOOD)[number]));
}

describe("preprocessing in a manifest", () => {
  it("makes the columns that are left, in the order that select gives", () => {
    const { inputs, preprocessing } = parseManifest(manifest(GOOD));
    const layout = layoutOf(inputs, preprocessing ?? []);
    assert.deepEqual(
      layout.features.map(({ name }) => name),
      ["word_a", "amount", "at_hour", "color_red", "color_blue"],
    );
    assert.equal(inputWidth(parseManifest(manifest(GOOD))), 5);
  });

  it("without select, what replaces a column keeps its place and what is added goes to the end", () => {
    const inputs = [INPUTS[3], INPUTS[0]];
    const steps = [
      { ...ENCODE, columns: ["color"], categories: [["red"]] },
      { type: "cyclic_encoder", columns: ["amount"], period: 7, outputs: ["week"] },
      { type: "polynomial_features", columns: ["color", "amount"], output: "products" },
    ];
    const parsed = parseManifest(manifest(steps, { inputs }));
    const { features } = layoutOf(parsed.inputs, parsed.preprocessing ?? []);
    assert.deepEqual(
      features.map(({ name }) => name),
      ["color_red", "amount", "week_sin", "week_cos", "color_red^2", "color_red amount", "amount^2"],
    );
  });

  it("names the step and the field that do not fit", () => {
    assert.deepEqual(refusedWith(1, { ...SCALE, columns: ["amount", "size"] }), [
      "preprocessing.1.columns.1",
    ]);
    assert.deepEqual(refusedWith(1, { ...SCALE, columns: ["amount", "amount"] }), [
      "preprocessing.1.columns.1",
    ]);
    assert.deepEqual(refusedWith(1, { ...SCALE, columns: ["amount", "word"] }), [
      "preprocessing.1.columns.1",
    ]);
    assert.deepEqual(refusedWith(1, { ...SCALE, mean: [1] }), ["preprocessing.1.mean"]);
    assert.deepEqual(refusedWith(1, { ...SCALE, scale: [1, 0] }), ["preprocessing.1.scale"]);
    assert.deepEqual(refusedWith(1, { ...SCALE, outputs: ["x"] }), ["preprocessing.1.outputs"]);
    assert.deepEqual(refusedWith(1, { ...SCALE, outputs: ["x", "color"] }), ["preprocessing.1.outputs.1"]);
    assert.deepEqual(refusedWith(0, { ...IMPUTE, statistics: ["x"] }), ["preprocessing.0.statistics.0"]);
    assert.deepEqual(refusedWith(0, { ...IMPUTE, indicators: ["amount"] }), ["preprocessing.0.indicators.0"]);
    assert.deepEqual(refusedWith(2, { ...ENCODE, categories: [["a"], [1]] }), [
      "preprocessing.2.categories.1",
    ]);
    assert.deepEqual(refusedWith(2, { ...ENCODE, categories: [["a", "a"], ["b"]] }), [
      "preprocessing.2.categories.0",
    ]);
    assert.deepEqual(refusedWith(2, { ...ENCODE, categories: [["a"]] }), ["preprocessing.2.categories"]);
    const ordinal = { ...ENCODE, type: "ordinal_encoder", handle_unknown: "use_encoded_value" };
    assert.deepEqual(refusedWith(2, ordinal), ["preprocessing.2.unknown_value"]);
    assert.deepEqual(refusedWith(3, { ...SPLIT, columns: ["amount"] }), ["preprocessing.3.columns.0"]);
    assert.deepEqual(refusedWith(3, { ...SPLIT, parts: ["hour", "hour"] }), ["preprocessing.3.parts"]);
    assert.deepEqual(refusedWith(4, { ...SELECT, columns: ["amount", "amount"] }), [
      "preprocessing.4.columns.1",
    ]);
    assert.deepEqual(refusedWith(4, { ...SELECT, columns: ["word_b"] }), ["preprocessing.4.columns.0"]);
    const both = { ...SELECT, columns: ["color", "color_red"] };
    assert.deepEqual(refusedWith(4, both), ["preprocessing.4.columns.1"]);
    const tfidf = { type: "tfidf_vectorizer", columns: ["word"], vocabulary: ["a", "b"], idf: [1] };
    assert.deepEqual(refusedWith(2, tfidf), ["preprocessing.2.idf"]);
    const range = { type: "min_max_scaler", columns: ["amount"], data_min: [0], data_max: [1] };
    assert.deepEqual(refusedWith(1, { ...range, feature_range: [1, 1] }), ["preprocessing.1.feature_range"]);
    const far = { type: "haversine_distance", from: ["amount", 1], to: [2, "at"], output: "km" };
    assert.deepEqual(refusedWith(3, far), ["preprocessing.3.from"]);
    assert.deepEqual(refusedWith(3, { ...far, from: [1, 2], to: [3, 4] }), ["preprocessing.3.from"]);
  });

  it("refuses unknown steps and fields, and steps that were not fitted", () => {
    assert.deepEqual(refused([{ type: "pca", columns: ["amount"] }]), ["preprocessing.0.type"]);
    assert.deepEqual(refusedWith(1, { ...SCALE, extra: 1 }), ["preprocessing.1"]);
    const { mean: _, ...unfitted } = SCALE;
    assert.deepEqual(refusedWith(1, unfitted), ["preprocessing.1.mean"]);
    assert.deepEqual(refused([]), ["preprocessing"]);
    assert.deepEqual(refused(Array.from({ length: 101 }, () => IMPUTE)), ["preprocessing"]);
  });

  it("refuses to give a model what is no number or may be missing", () => {
    assert.deepEqual(refused([IMPUTE, SCALE, ENCODE, SPLIT]), ["preprocessing.3.columns"]);
    assert.deepEqual(refused([SCALE, ENCODE, { ...SELECT, columns: ["age"] }]), ["preprocessing.2.columns"]);
    const ordinal = { type: "ordinal_encoder", columns: ["word"], categories: [["a", null]] };
    const last = { ...SELECT, columns: ["word"] };
    assert.deepEqual(refused([ordinal, last]), ["preprocessing.1.columns"]);
    parseManifest(manifest([{ ...ordinal, encoded_missing_value: -1 }, last]));
    parseManifest(manifest([ordinal, { ...IMPUTE, columns: ["word"] }, last]));
  });

  it("may leave what is missing to a model that takes NaN, and then needs no steps for it", () => {
    const last = { ...SELECT, columns: ["age", "word"] };
    const ordinal = { type: "ordinal_encoder", columns: ["word"], categories: [["a", null]] };
    parseManifest(manifest([ordinal, last], { allow_nan: true }));
    assert.deepEqual(refused([ordinal, last]), ["preprocessing.1.columns"]);
    const inputs = [INPUTS[0], INPUTS[1]];
    parseManifest(manifest(undefined, { inputs, allow_nan: true }));
    assert.deepEqual(refused(undefined, { inputs, allow_nan: true, input_tensor: undefined }), [
      "input_tensor",
    ]);
    assert.deepEqual(
      refused([last], { allow_nan: true }),
      ["preprocessing.0.columns"],
      "a text is no number",
    );
  });

  it("bounds what a pipeline may make", () => {
    const inputs = Array.from({ length: 100 }, (_, index) => ({ name: `n${index}`, type: "float" }));
    const columns = inputs.map(({ name }) => name);
    const products = { type: "polynomial_features", columns, output: "products" };
    assert.deepEqual(refused([products], { inputs }), ["preprocessing.0.columns"]);
    const four = columns.slice(0, 4);
    const wide = { type: "one_hot_encoder", columns: four };
    const many = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
    const select = { type: "select", columns: ["n5"] };
    parseManifest(manifest([{ ...wide, categories: four.map(() => many(4000)) }, select], { inputs }));
    const tooMany = { ...wide, categories: four.map(() => many(4096)) };
    assert.deepEqual(refused([tooMany, select], { inputs }), ["preprocessing.0.columns"]);
    const texts = Array.from({ length: 3 }, (_, index) => ({
      name: `t${index}`,
      type: "text",
      max_length: 60_000,
    }));
    assert.deepEqual(refused([select], { inputs: [...inputs, ...texts] }), ["inputs"]);
  });

  it("needs the one tensor; and texts, timestamps and nullable inputs need preprocessing", () => {
    assert.deepEqual(refused(GOOD, { input_tensor: undefined }), ["input_tensor"]);
    assert.deepEqual(refused(undefined), [
      "inputs.1.nullable",
      "inputs.2.type",
      "inputs.2.nullable",
      "inputs.4.type",
    ]);
    const inputs = [{ name: "amount", type: "float", nullable: true, default: 1 }];
    assert.deepEqual(refused([{ ...IMPUTE, columns: ["amount"] }], { inputs }), ["inputs.0.nullable"]);
  });
});
