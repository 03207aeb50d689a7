/** What the data part of a training job may say, and which period it means. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type LabelledData, periodOf, trainingData } from "../../../../engine/core/training-data.ts";
import { trainingValidation } from "../../../../engine/core/training-validation.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 21);
const RANGE = { source: "labelled", from: "2026-11-01T00:00:00Z", to: "2026-11-20T00:00:00Z" };

function refused(spec: unknown): string[] {
  const result = trainingData.safeParse(spec);
  assert.ok(!result.success, JSON.stringify(spec));
  return result.error.issues.map(({ path }) => path.join("."));
}
const labelled = (spec: object): LabelledData => {
  const data = trainingData.parse({ source: "labelled", ...spec });
  assert.ok(data.source === "labelled");
  return data;
};

describe("the data of a training job", () => {
  it("have defaults for all but what only the caller knows", () => {
    assert.deepEqual(trainingData.parse({ source: "labelled", window: "30d" }), {
      source: "labelled",
      window: "30d",
      versions: "same_inputs",
      rows_max: 1_000_000,
      features: {},
      class_weight: "none",
      leakage: { threshold: 0.98, allow: [] },
    });
    for (const more of [
      { source: "query", sql: "SELECT 1" },
      { source: "file", path: "a.csv" },
    ])
      trainingData.parse({ label_column: "y", ...more });
  });

  it("refuse what is unknown, missing, contradictory or beyond its bounds, by field", () => {
    assert.deepEqual(refused({ source: "file", path: "a.csv" }), ["label_column"]);
    assert.deepEqual(refused({ ...RANGE, window: "1d" }), ["window"]);
    assert.deepEqual(refused({ source: "labelled" }), ["window"]);
    assert.deepEqual(refused({ source: "labelled", from: RANGE.from }), ["to"]);
    assert.deepEqual(refused({ ...RANGE, to: RANGE.from }), ["to"]);
    assert.deepEqual(refused({ ...RANGE, label_maturity: "1w" }), ["label_maturity"]);
    assert.deepEqual(refused({ ...RANGE, versions: ["latest"] }), ["versions.0"]);
    assert.deepEqual(refused({ ...RANGE, rows_max: 2_000_001 }), ["rows_max"]);
    assert.deepEqual(refused({ ...RANGE, class_weight: { a: 0 } }), ["class_weight.a"]);
    assert.deepEqual(refused({ ...RANGE, leakage: { threshold: 0.4 } }), ["leakage.threshold"]);
    assert.deepEqual(refused({ ...RANGE, sql: "SELECT 1" }), [""]);
    assert.deepEqual(refused({ source: "table" }), ["source"]);
  });

  it("mean predictions whose labels are no longer to come", () => {
    const period = (spec: object): number[] => {
      const { fromMs, toMs, asOfMs } = periodOf(labelled(spec), NOW_MS);
      return [fromMs, toMs, asOfMs].map((ms) => (ms - NOW_MS) / DAY_MS);
    };
    const { source: _, ...range } = RANGE;
    assert.deepEqual(period(range), [-20, -1, 0]);
    assert.deepEqual(period({ ...range, label_maturity: "7d" }), [-20, -7, 0]);
    assert.deepEqual(
      period({ ...range, label_maturity: "30d" }),
      [-20, -30, 0],
      "empty, and told so when it is read",
    );
    assert.deepEqual(period({ window: "3d" }), [-3, 0, 0]);
    assert.deepEqual(
      period({ window: "3d", label_maturity: "1d", as_of: "2026-11-19T00:00:00Z" }),
      [-6, -3, -2],
    );
  });
});

describe("a validation", () => {
  it("has defaults by method, and refuses what the method does not know", () => {
    assert.deepEqual(trainingValidation.parse({ method: "out_of_time" }), {
      method: "out_of_time",
      test_share: 0.2,
      validation_share: 0.1,
    });
    for (const wrong of [
      { method: "holdout", embargo: "1d" },
      { method: "holdout", folds: 5 },
      { method: "k_fold", folds: 1 },
      { method: "out_of_time", test_share: 0.01 },
      { method: "time_series", embargo: "0d" },
      { method: "bootstrap" },
    ])
      assert.ok(!trainingValidation.safeParse(wrong).success, JSON.stringify(wrong));
  });
});
