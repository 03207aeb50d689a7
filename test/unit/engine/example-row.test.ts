/** The example of a model with preprocessing: it can be posted, and the model is tried on what becomes of it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../../engine/core/errors.ts";
import type { ModelManifest } from "../../../engine/core/manifest.ts";
import { withExampleRow } from "../../../engine/example-row.ts";
import { exampleFeatures, requestSchema } from "../../../engine/model-schema.ts";
import { mixedManifest } from "../../support/manifests.ts";

const INPUTS = [
  { name: "word", type: "text" },
  { name: "code", type: "int", min: 2 },
  { name: "note", type: "text", nullable: true },
  { name: "at", type: "timestamp" },
];
const STEPS = [
  {
    type: "one_hot_encoder",
    columns: ["word", "code"],
    categories: [
      ["a", "b"],
      [1, 7],
    ],
  },
  { type: "tfidf_vectorizer", columns: ["note"], norm: null, vocabulary: ["hello", "world"], idf: [2, 3] },
  { type: "time_parts", columns: ["at"], parts: ["hour"] },
  { type: "select", columns: ["word", "code", "note", "at_hour"] },
];

function manifest(inputs: readonly unknown[] = INPUTS): ModelManifest {
  return mixedManifest({ inputs, input_tensor: "features", preprocessing: STEPS });
}

const exampleRow = (model: ModelManifest): Float32Array | undefined =>
  withExampleRow({ manifest: model, files: new Map() }).exampleRow;

describe("the example of a model with preprocessing", () => {
  it("has values that its encoders have seen and its inputs take", () => {
    assert.deepEqual(exampleFeatures(manifest()), {
      word: "a",
      code: 7,
      note: "hello",
      at: "2026-01-01T00:00:00Z",
    });
  });

  it("is what the model is tried on, transformed", () => {
    assert.deepEqual([...(exampleRow(manifest()) ?? [])], [1, 0, 0, 1, 2, 0, 0]);
    assert.equal(exampleRow(mixedManifest()), undefined, "other models are tried on the example itself");
  });

  it("is refused by the name of the input when the steps do not take it", () => {
    const inputs = INPUTS.with(0, { name: "word", type: "text", example: "c" } as (typeof INPUTS)[number]);
    assert.throws(
      () => exampleRow(manifest(inputs)),
      (error) => {
        assert.ok(error instanceof EngineError);
        assert.equal(error.code, "MODEL_INVALID");
        assert.deepEqual(error.details[0]?.field, "inputs.0.example");
        return true;
      },
    );
  });

  it("stands in a schema that says what may be missing", () => {
    const { properties } = requestSchema(manifest()) as {
      properties: { features: { required: string[]; properties: Record<string, unknown> } };
    };
    assert.deepEqual(properties.features.required, ["word", "code", "at"]);
    assert.deepEqual(properties.features.properties["note"], { type: ["string", "null"], maxLength: 1024 });
  });
});
