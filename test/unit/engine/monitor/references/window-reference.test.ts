/** References of windows: which columns of the log they are read from, and what labels add to them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loggedColumns } from "../../../../../engine/monitor/references/logged-columns.ts";
import { binRowsOf } from "../../../../../engine/monitor/references/reference-bin-rows.ts";
import {
  buildWindowReference,
  type ReadLabelledRows,
} from "../../../../../engine/monitor/references/window-reference.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { MIXED, mixedManifest } from "../../../../support/manifests.ts";
import { mixedProfile, mixedValues } from "../../../../support/reference-rows.ts";

const manifest = mixedManifest();
const job = {
  manifest,
  fromMs: Date.parse("2026-11-01T00:00:00Z"),
  toMs: Date.parse("2026-11-08T00:00:00Z"),
};

function readRows(rows: number, total = rows) {
  return async () => ({ rows, total, values: mixedValues(rows) });
}

describe("columns of the log", () => {
  it("numbers and texts are counted apart, and timestamps stand among the texts", () => {
    const timed = mixedManifest({
      inputs: [{ name: "at", type: "timestamp" }, { name: "note", type: "text" }, ...MIXED.inputs],
      input_tensor: "x",
      preprocessing: [{ type: "select", columns: ["size"] }],
    });
    assert.deepEqual(
      loggedColumns(timed).map(({ name, type, index }) => [name, type, index]),
      [
        ["note", "category", 1],
        ["size", "number", 0],
        ["age", "number", 1],
        ["color", "category", 2],
        ["new", "number", 2],
        ["predicted_value", "number", undefined],
        ["predicted_class", "category", undefined],
      ],
    );
  });
});

describe("the reference of a window", () => {
  it("says which rows it was made from, and that they were drawn", async () => {
    const { content, source } = await buildWindowReference(job, { readRows: readRows(200, 5000) });
    assert.deepEqual(source, {
      kind: "window",
      from: "2026-11-01T00:00:00.000Z",
      to: "2026-11-08T00:00:00.000Z",
      rows: 200,
      labelled_rows: 0,
      sampled_from: 5000,
    });
    assert.deepEqual(content, { profile: mixedProfile() });
  });

  it("has metrics and an estimator of the labels that its port gives", async () => {
    const asked: unknown[] = [];
    const readLabelledRows: ReadLabelledRows = async (window) => {
      asked.push([window.manifest.version, window.fromMs, window.toMs]);
      return {
        kind: "binary",
        scores: Float32Array.of(0.1, 0.4, 0.6, 0.9),
        predicted: Uint8Array.of(0, 0, 1, 1),
        labels: Uint8Array.of(0, 1, 0, 1),
      };
    };
    const { content, source } = await buildWindowReference(job, {
      readRows: readRows(200),
      readLabelledRows,
    });
    assert.deepEqual(asked, [["1.0.0", job.fromMs, job.toMs]]);
    assert.equal(source.labelled_rows, 4);
    assert.equal(content.metrics?.roc_auc?.value, 0.75);
    assert.ok(content.estimator !== undefined);
  });

  it("is refused without predictions, or with too few", async () => {
    const build = async (rows: number) => buildWindowReference(job, { readRows: readRows(rows) });
    await assert.rejects(build(0), hasCode("INVALID_REQUEST", /has no predictions of mixed@1\.0\.0/));
    await assert.rejects(build(99), hasCode("INVALID_REQUEST", /99 rows; give at least 100/));
  });
});

describe("bins for analysts", () => {
  it("are closed on the right, have infinite guards, and null behind", () => {
    const profile = mixedProfile();
    const rows = binRowsOf(profile);
    const [size, , color] = profile.columns;
    assert.ok(size?.type === "number" && color?.type === "category");
    const ofSize = rows.filter(({ feature }) => feature === "size");
    assert.deepEqual(
      ofSize.slice(0, -1).map(({ low, high }) => [low, high]),
      [...size.edges, Infinity].map((high, at) => [at === 0 ? -Infinity : size.edges[at - 1], high]),
    );
    const nulls = {
      feature: "size",
      role: "input",
      bin: ofSize.length - 1,
      category: "",
      isNull: true,
      count: 0,
    };
    assert.deepEqual(ofSize.at(-1), { ...nulls, low: Number.NaN, high: Number.NaN });
    const ofColor = rows.filter(({ feature }) => feature === "color");
    assert.deepEqual(
      ofColor.map(({ bin, category, isNull, count }) => [bin, category, isNull, count]),
      [
        [0, "blue", false, 133],
        [1, "red", false, 67],
        [2, "", false, 0],
        [3, "", true, 0],
      ],
    );
  });
});
