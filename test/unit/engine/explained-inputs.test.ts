/** What explanations say of columns, told of inputs; and the values of a row as its request gave them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseManifest } from "../../../engine/core/manifest.ts";
import { ExplainedInputs } from "../../../engine/explained-inputs.ts";
import { FeaturePlan } from "../../../engine/feature-plan.ts";

const manifest = parseManifest({
  name: "explained",
  version: "1.0.0",
  runtime: "onnx",
  inputs: [
    { name: "rate", type: "float", nullable: true },
    { name: "lat", type: "float" },
    { name: "lon", type: "float" },
    { name: "job", type: "text" },
    { name: "is_new", type: "bool" },
    { name: "color", type: "category", categories: ["red", "blue"] },
    { name: "count", type: "int" },
    { name: "at", type: "timestamp" },
  ],
  input_tensor: "x",
  allow_nan: true,
  preprocessing: [
    { type: "haversine_distance", from: ["lat", "lon"], to: [48, 11], output: "distance" },
    {
      type: "one_hot_encoder",
      columns: ["job", "color"],
      categories: [
        ["cook", "smith"],
        ["red", "blue"],
      ],
    },
    { type: "time_parts", columns: ["at"], parts: ["hour"] },
    { type: "select", columns: ["rate", "job", "lat", "distance", "color", "is_new", "count", "at_hour"] },
  ],
  outputs: [{ name: "y", type: "value" }],
});

describe("explained inputs", () => {
  it("are players: all columns of one input, or of the same inputs, are one", () => {
    const inputs = new ExplainedInputs(manifest);
    // rate, cook, smith, lat, distance, red, blue, is_new, count, hour
    assert.deepEqual([...inputs.players], [0, 1, 1, 2, 3, 4, 4, 5, 6, 7]);
    assert.equal(inputs.playerCount, 8);
  });

  it("share evenly what several of them make, and an input that nothing is made of has 0", () => {
    const inputs = new ExplainedInputs(manifest);
    const sums = inputs.toInputs(Float64Array.of(1, 2, 4, 8, 16, 32, 64, 128));
    assert.deepEqual([...sums], [1, 8, 4, 2, 32, 16, 64, 128]);
  });

  it("have the values of the request: shortest decimals, texts, null for what is missing", () => {
    const inputs = new ExplainedInputs(manifest);
    const plan = new FeaturePlan(manifest);
    const valuesOf = (features: Readonly<Record<string, unknown>>): unknown[] => {
      const raw = new Float32Array(plan.width);
      const texts = Array.from({ length: plan.texts }, () => "");
      assert.equal(plan.write(features, raw, 0, texts, 0), undefined);
      return inputs.valuesOf(raw, texts);
    };
    const features = {
      rate: 0.1,
      lat: 48.137154,
      lon: -1e-7,
      job: "cook",
      is_new: true,
      color: "blue",
      count: 16_777_216,
      at: "2026-02-03T04:05:06.789Z",
    };
    assert.deepEqual(valuesOf(features), [
      0.1,
      48.137154,
      -1e-7,
      "cook",
      true,
      "blue",
      16_777_216,
      "2026-02-03T04:05:06.789Z",
    ]);
    assert.deepEqual(valuesOf({ ...features, rate: null, is_new: false })[0], null);
    assert.equal(valuesOf({ ...features, is_new: false })[4], false);
  });
});
