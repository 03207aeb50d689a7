/** Which rows are a slice: values of categories and booleans, quarters of numbers, and what has no value. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { codeSlices, planSlices } from "../../../../../engine/monitor/performance/performance-slices.ts";
import { buildProfile } from "../../../../../engine/monitor/references/reference-builder.ts";
import { watchedColumns } from "../../../../../engine/monitor/references/reference-profile.ts";
import { mixedManifest } from "../../../../support/manifests.ts";

const MANIFEST = mixedManifest();
const PROFILE = buildProfile(
  watchedColumns(MANIFEST).slice(0, 2),
  new Map([
    ["size", Float32Array.from({ length: 400 }, (_, at) => at + 1)],
    ["age", new Float32Array(400).fill(30)],
  ]),
);
const all = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, at) => at);

describe("slices", () => {
  it("are planned by the version's inputs; a number needs a reference, and what is no input is left out", () => {
    const plans = planSlices(MANIFEST, PROFILE, ["color", "size", "new", "predicted_value", "nothing"]);
    assert.deepEqual(
      plans.map(({ column }) => column),
      [
        { name: "color", kind: "category", index: 0 },
        { name: "size", kind: "number", index: 0 },
        { name: "new", kind: "number", index: 2 },
      ],
    );
    assert.deepEqual(
      planSlices(MANIFEST, undefined, ["size", "color"]).map(({ column }) => column.name),
      ["color"],
    );
  });

  it("of a number are the quarters of the reference, closed above, and null", () => {
    const [plan] = planSlices(MANIFEST, PROFILE, ["size"]);
    assert.ok(plan);
    const values = Float32Array.from([-5, 100, 101, 200, 300, 301, 1e9, Number.NaN]);
    const { codes, names } = codeSlices(plan, { name: "size", kind: "number", values }, all(values.length));
    assert.deepEqual(
      [...codes].map((code) => names[code]),
      [
        "size<=100",
        "size<=100",
        "100<size<=200",
        "100<size<=200",
        "200<size<=300",
        "size>300",
        "size>300",
        "size=(null)",
      ],
    );
  });

  it("of a constant number are few, of a boolean two", () => {
    const [age, isNew] = planSlices(MANIFEST, PROFILE, ["age", "new"]);
    assert.ok(age && isNew);
    const ages = codeSlices(
      age,
      { name: "age", kind: "number", values: Float32Array.from([29, 30, 31]) },
      all(3),
    );
    assert.deepEqual(
      [...ages.codes].map((code) => ages.names[code]),
      ["age<=30", "age<=30", "age>30"],
    );
    const flags = codeSlices(
      isNew,
      { name: "new", kind: "number", values: Float32Array.from([1, 0]) },
      all(2),
    );
    assert.deepEqual(
      [...flags.codes].map((code) => flags.names[code]),
      ["new=true", "new=false"],
    );
  });

  it("of a category are its values; those beyond 65,535 are one", () => {
    const [plan] = planSlices(MANIFEST, undefined, ["color"]);
    assert.ok(plan);
    const categories = ["", ...Array.from({ length: 70_000 }, (_, at) => `c${at}`)];
    const values = Int32Array.from(categories, (_, at) => at);
    const { codes, names } = codeSlices(
      plan,
      { name: "color", kind: "category", values, categories },
      Uint32Array.from([0, 1, 65_534, 65_535, 70_000]),
    );
    assert.deepEqual(
      [...codes].map((code) => names[code]),
      ["color=(null)", "color=c0", "color=c65533", "color=(other)", "color=(other)"],
    );
  });
});
