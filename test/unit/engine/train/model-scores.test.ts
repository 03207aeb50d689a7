/** Scores of raw rows, and the time that one takes: as serving has them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseManifest } from "../../../../engine/core/manifest.ts";
import { timesPerRow } from "../../../../engine/train/judged-model.ts";
import { createScorer } from "../../../../engine/train/model-scores.ts";
import { compilePipeline } from "../../../../engine/transform/pipeline.ts";
import { rawRowsOf } from "../../../support/raw-rows.ts";

const CATEGORIES = Array.from({ length: 4_000 }, (_, at) => `category-${at}`);
const manifest = parseManifest({
  name: "coded",
  version: "1.0.0",
  runtime: "onnx",
  inputs: [{ name: "word", type: "text" }],
  input_tensor: "features",
  preprocessing: [{ type: "ordinal_encoder", columns: ["word"], categories: [CATEGORIES] }],
  outputs: [{ name: "value", type: "value" }],
});
/** Answers with what it is given. */
const model = {
  predict: async (features: Float32Array, _rows: number, outputs: Float32Array) => outputs.set(features),
};
const raw = rawRowsOf(
  manifest.inputs,
  Array.from({ length: 50 }, (_, row) => [`category-${row * 7}`]),
);

describe("scores of raw rows", () => {
  it("are what the model says of them after its preprocessing", async () => {
    const outputs = await createScorer(model, manifest)(raw);
    assert.deepEqual(
      [...outputs],
      Array.from({ length: 50 }, (_, row) => row * 7),
    );
  });

  it("are timed without the compilation of the preprocessing, which serving does once", async () => {
    const compiled = Array.from({ length: 5 }, () => {
      const startedMs = performance.now();
      compilePipeline(manifest.inputs, manifest.preprocessing ?? []);
      return (performance.now() - startedMs) * 1000;
    });
    const [rowUs = 0] = await timesPerRow([{ score: createScorer(model, manifest), raw }]);
    assert.ok(rowUs < Math.min(...compiled) / 3, `${rowUs} us a row, ${compiled.join(", ")} us to compile`);
  });
});
