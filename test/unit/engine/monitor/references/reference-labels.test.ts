/** Labels out of a file's columns. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toLabelledRows } from "../../../../../engine/monitor/references/reference-labels.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { mixedManifest } from "../../../../support/manifests.ts";

const binary = mixedManifest({ threshold: 0.25 });
const multiclass = mixedManifest({ classes: ["low", "middle", "high"] });
const regression = mixedManifest({ classes: undefined, outputs: [{ name: "value", type: "value" }] });
const predictedValue = Float32Array.of(0.125, 0.25, 0.75, Number.NaN);

describe("labelled rows", () => {
  it("of two classes: by name, as numbers and as booleans; rows without label or score are left out", () => {
    for (const labels of [
      ["no", "yes", null, "yes"],
      ["0", "1", null, "1"],
      ["false", "True", null, "true"],
    ]) {
      const rows = toLabelledRows(binary, { predictedValue, labels });
      assert.deepEqual(rows, {
        kind: "binary",
        scores: Float32Array.of(0.125, 0.25),
        predicted: Uint8Array.of(0, 1),
        labels: Uint8Array.of(0, 1),
      });
    }
  });

  it("of two classes: by the positive label that is named, and with the classes that were predicted", () => {
    const columns = {
      predictedValue,
      predictedClass: ["yes", "no", null, "no"],
      labels: ["bad", "good", "bad", "bad"],
    };
    const rows = toLabelledRows(binary, { ...columns, positive: "bad" });
    assert.ok(rows?.kind === "binary");
    assert.deepEqual([...rows.predicted], [1, 0]);
    assert.deepEqual([...rows.labels], [1, 0]);
  });

  it("a class that is called 1 is that class", () => {
    const rows = toLabelledRows(mixedManifest({ classes: ["1", "2"] }), {
      predictedValue,
      labels: ["1", "2", null, null],
    });
    assert.deepEqual(rows?.kind === "binary" && [...rows.labels], [0, 1]);
  });

  it("of several classes, and of a regression", () => {
    const predictedClass = ["low", "high", null];
    assert.deepEqual(toLabelledRows(multiclass, { predictedClass, labels: ["middle", "high", "low"] }), {
      kind: "multiclass",
      classes: 3,
      predicted: Uint16Array.of(0, 2),
      labels: Uint16Array.of(1, 2),
    });
    assert.deepEqual(toLabelledRows(regression, { predictedValue, labels: ["-1", "2e3", null, "1"] }), {
      kind: "regression",
      predicted: Float32Array.of(0.125, 0.25),
      labels: Float64Array.of(-1, 2000),
    });
  });

  it("there are none without the outputs that they belong to", () => {
    const labels = ["no"];
    assert.equal(toLabelledRows(binary, { predictedClass: ["no"], labels }), undefined);
    assert.equal(toLabelledRows(multiclass, { predictedValue, labels }), undefined);
    assert.equal(toLabelledRows(regression, { labels }), undefined);
  });

  it("a label that is none is named with its row", () => {
    const wrong = (manifest: typeof binary, labels: string[], pattern: RegExp) =>
      assert.throws(
        () => toLabelledRows(manifest, { predictedValue, predictedClass: ["low", "low"], labels }),
        hasCode("INVALID_REQUEST", pattern),
      );
    wrong(mixedManifest(), ["no", "maybe"], /row 2 has "maybe": must be one of no, yes/);
    wrong(multiclass, ["low", "top"], /row 2 has "top"/);
    wrong(regression, ["1", "many"], /row 2 has "many": must be a finite number/);
  });
});
