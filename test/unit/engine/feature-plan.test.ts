/** Features of a request as a row of floats: what is taken, what is filled in, what is refused and how. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FeaturePlan } from "../../../engine/feature-plan.ts";
import { exampleFeatures } from "../../../engine/model-schema.ts";
import { mixedManifest } from "../../support/manifests.ts";

const plan = new FeaturePlan(mixedManifest());
const GOOD = { size: 1.5, age: 40, color: "blue", new: true };

function written(features: unknown): number[] {
  const row = new Float32Array(plan.width + 2).fill(-1);
  assert.equal(plan.write(features, row, 1), undefined);
  assert.equal(row[0], -1);
  assert.equal(row.at(-1), -1);
  return [...row.subarray(1, -1)];
}

function fieldsRefused(features: unknown): string[] {
  const error = plan.write(features, new Float32Array(plan.width), 0);
  assert.equal(error?.code, "INVALID_FEATURES");
  assert.ok(error.details.length > 0);
  return error.details.map(({ field }) => field);
}

describe("a feature plan", () => {
  it("writes a row at its offset and nowhere else, in the model's order", () => {
    assert.deepEqual(written(GOOD), [1.5, 40, 2, 1]);
    assert.deepEqual(written({ new: false, color: "red", age: 0, size: -10 }), [-10, 0, 0, 0]);
  });

  it("fills defaults for what is missing or null", () => {
    assert.deepEqual(written({ size: 10, new: true }), [10, 30, 1, 1]);
    assert.deepEqual(written({ size: 10, new: true, age: null, color: null }), [10, 30, 1, 1]);
  });

  it("names every field that is wrong", () => {
    assert.deepEqual(fieldsRefused({ ...GOOD, size: 10.1, color: "pink", more: 1 }), [
      "features.size",
      "features.color",
      "features.more",
    ]);
    assert.deepEqual(fieldsRefused({}), ["features.size", "features.new"]);
    assert.deepEqual(fieldsRefused({ ...GOOD, size: null }), ["features.size"]);
  });

  it("refuses values of another type, and numbers that are none", () => {
    for (const size of ["1", true, [], {}, Number.NaN, Infinity, -Infinity, 1e39])
      assert.deepEqual(fieldsRefused({ ...GOOD, size }), ["features.size"]);
    for (const age of [1.5, "1", -1, 1e39, Number.NaN])
      assert.deepEqual(fieldsRefused({ ...GOOD, age }), ["features.age"]);
    for (const color of [0, "", "RED", true, ["red"]])
      assert.deepEqual(fieldsRefused({ ...GOOD, color }), ["features.color"]);
    for (const flag of [0, 1, "true"])
      assert.deepEqual(fieldsRefused({ ...GOOD, new: flag }), ["features.new"]);
  });

  it("refuses integers that float32 would round, saying so, and takes those that it holds", () => {
    for (const age of [2 ** 24, 2 ** 24 + 2, 2 ** 40]) assert.equal(written({ ...GOOD, age })[1], age);
    for (const age of [2 ** 24 + 1, 2 ** 40 + 1, 2 ** 53 - 1]) {
      assert.deepEqual(fieldsRefused({ ...GOOD, age }), ["features.age"]);
      const error = plan.write({ ...GOOD, age }, new Float32Array(plan.width), 0);
      assert.match(error?.message ?? "", /features\.age must be exactly representable as float32/);
    }
  });

  it("takes the example that the schema shows of an integer, wherever its range lies", () => {
    for (const [min, max] of [
      [1, 2 ** 25],
      [2 ** 24, 2 ** 24 + 2],
      [-(2 ** 26), -1],
    ] as const) {
      const manifest = mixedManifest({ inputs: [{ name: "age", type: "int", min, max }] });
      const large = new FeaturePlan(manifest);
      assert.equal(large.write(exampleFeatures(manifest), new Float32Array(1), 0), undefined);
    }
  });

  it("refuses what is no object of features", () => {
    for (const features of [undefined, null, 1, "x", [], [1, 2, 3, 4]])
      assert.deepEqual(fieldsRefused(features), ["features"]);
  });

  it("takes nothing from an object's prototype", () => {
    const features = JSON.parse('{"__proto__":{"size":1},"new":true}') as unknown;
    assert.deepEqual(fieldsRefused(features), ["features.size", "features.__proto__"]);
  });
});

describe("a feature plan with texts, timestamps and inputs that may be missing", () => {
  const plan = new FeaturePlan(
    mixedManifest({
      inputs: [
        { name: "size", type: "float", nullable: true },
        { name: "note", type: "text", max_length: 5 },
        { name: "at", type: "timestamp", nullable: true },
        { name: "color", type: "category", categories: ["red", "blue"], nullable: true },
        { name: "kind", type: "text", default: "none" },
        { name: "since", type: "timestamp", default: 0 },
      ],
      input_tensor: "features",
      preprocessing: [
        { type: "imputer", columns: ["size"], strategy: "mean", statistics: [0] },
        { type: "select", columns: ["size"] },
      ],
    }),
  );
  const write = (features: unknown): { row: number[]; texts: string[] } => {
    const row = new Float32Array(plan.width + 2).fill(-1);
    const texts = Array.from({ length: plan.texts + 2 }, () => "untouched");
    const error = plan.write(features, row, 1, texts, 1);
    if (error !== undefined) throw error;
    assert.deepEqual([texts[0], texts.at(-1), row[0], row.at(-1)], ["untouched", "untouched", -1, -1]);
    return { row: [...row.subarray(1, -1)], texts: texts.slice(1, -1) };
  };

  it("writes texts beside the row, timestamps as ISO 8601 in UTC", () => {
    const features = {
      at: "2026-02-03T05:06:07.5+01:00",
      note: "",
      color: "blue",
      size: 2,
      kind: "x",
      since: 1.5,
    };
    const { row, texts } = write(features);
    assert.deepEqual([row[0], row[3]], [2, 1]);
    assert.deepEqual(texts, ["", "2026-02-03T04:06:07.500Z", "x", "1970-01-01T00:00:00.001Z"]);
  });

  it("says that something is missing, where that is allowed", () => {
    for (const features of [
      { note: "abc" },
      { note: "abc", size: null, at: null, color: null, kind: null },
    ]) {
      const { row, texts } = write(features);
      assert.deepEqual([row[0], row[3]], [Number.NaN, Number.NaN]);
      assert.deepEqual(texts, ["abc", "", "none", "1970-01-01T00:00:00.000Z"]);
    }
    const error = plan.write({ size: 1 }, new Float32Array(plan.width), 0, [], 0);
    assert.deepEqual(error?.details, [{ field: "features.note", message: "is required" }]);
  });

  it("refuses what is no text or timestamp, or too long", () => {
    const refused = (features: unknown): string[] =>
      plan.write(features, new Float32Array(plan.width), 0, [], 0)?.details.map(({ field }) => field) ?? [];
    for (const note of ["123456", 1, true, []]) assert.deepEqual(refused({ note }), ["features.note"]);
    for (const at of ["", "now", true, 1e18, "2026-02-03T05:06:07"])
      assert.deepEqual(refused({ note: "", at }), ["features.at"]);
  });
});
