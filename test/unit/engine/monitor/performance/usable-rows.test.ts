/** Labelled predictions as they are read, made into rows of metrics: what has no usable label is left out. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LabelledRows } from "../../../../../engine/core/labelled-rows.ts";
import { measurePerformance } from "../../../../../engine/monitor/performance/realised-performance.ts";
import { usableRows } from "../../../../../engine/monitor/performance/usable-rows.ts";
import { mixedManifest } from "../../../../support/manifests.ts";

function rowsOf(classes: number, change: Partial<LabelledRows>): LabelledRows {
  return {
    rows: 4,
    isCut: false,
    predictedValue: Float32Array.from([0.25, 0.75, 0.5, 1]),
    probabilities: new Float32Array(4 * classes).fill(classes === 0 ? 0 : 1 / classes),
    predictedClass: Int16Array.from([0, 1, -1, 1]),
    label: Float64Array.from([1, 1, 0, Number.NaN]),
    slices: [],
    ...change,
  };
}

describe("usable rows", () => {
  it("of two classes leave out labels that are no class, and classes that the model does not have", () => {
    const { rows, at } = usableRows(mixedManifest(), rowsOf(2, {}));
    assert.deepEqual([...at], [0, 1]);
    assert.ok(rows.kind === "binary");
    assert.deepEqual(
      [[...rows.scores], [...rows.predicted], [...rows.labels]],
      [
        [0.25, 0.75],
        [0, 1],
        [1, 1],
      ],
    );
  });

  it("of several classes have no probabilities when one is missing", () => {
    const manifest = mixedManifest({ classes: ["a", "b", "c"] });
    const whole = usableRows(manifest, rowsOf(3, {})).rows;
    assert.ok(whole.kind === "multiclass" && whole.probabilities?.length === 6);
    const probabilities = new Float32Array(12).fill(Number.NaN, 11);
    const { rows } = usableRows(manifest, rowsOf(3, { probabilities }));
    assert.ok(rows.kind === "multiclass" && rows.probabilities === undefined);
    assert.equal(measurePerformance(rows).metrics.log_loss?.value, null);
  });

  it("of a regression need two numbers", () => {
    const { classes: _classes, ...regression } = mixedManifest();
    const { rows, at } = usableRows(
      regression,
      rowsOf(0, { predictedValue: Float32Array.from([0.25, Number.POSITIVE_INFINITY, 0.5, 1]) }),
    );
    assert.deepEqual([...at], [0, 2]);
    assert.ok(rows.kind === "regression");
    assert.deepEqual(
      [[...rows.predicted], [...rows.labels]],
      [
        [0.25, 0.5],
        [1, 0],
      ],
    );
  });
});
