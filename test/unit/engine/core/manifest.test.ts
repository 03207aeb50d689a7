/** What a model.json may say, and that every refusal names the field. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../../../engine/core/errors.ts";
import { modelKey, outputWidth, parseManifest } from "../../../../engine/core/manifest.ts";
import { MIXED, mixedManifest } from "../../../support/manifests.ts";

function fieldsRefused(manifest: unknown): string[] {
  try {
    parseManifest(manifest);
  } catch (error) {
    assert.ok(error instanceof EngineError);
    assert.equal(error.code, "MODEL_INVALID");
    assert.match(error.message, /^model\.json: /);
    return error.details.map(({ field }) => field);
  }
  return assert.fail("it was taken");
}

const withInput = (index: number, input: unknown): unknown => ({
  ...MIXED,
  inputs: MIXED.inputs.map((other, at) => (at === index ? input : other)),
});

describe("a manifest", () => {
  it("is taken when it fits, for each kind of output", () => {
    const mixed = mixedManifest();
    assert.equal(modelKey(mixed), "mixed@1.0.0");
    assert.equal(outputWidth(mixed), 2);
    const { classes: _, ...regression } = MIXED;
    assert.equal(outputWidth(parseManifest({ ...regression, outputs: [{ name: "v", type: "value" }] })), 1);
    assert.equal(
      outputWidth(mixedManifest({ outputs: [{ name: "p", type: "probability" }], threshold: 0.1 })),
      1,
    );
  });

  it("takes semantic versions that can be keys, and no others", () => {
    for (const version of ["0.0.0", "1.2.3", "10.20.30-rc.1", "1.0.0-alpha-7"]) mixedManifest({ version });
    for (const version of [
      "1",
      "1.0",
      "v1.0.0",
      "01.0.0",
      "1.0.0+build",
      "1.0.0-",
      "1.0.0-a..b",
      "1.0.0 ",
      "1.0.0-*",
      "latest",
    ])
      assert.deepEqual(fieldsRefused({ ...MIXED, version }), ["version"], version);
  });

  it("takes names that are safe as subject, key and file, and no others", () => {
    for (const name of ["a", "card-fraud", "a_1", "x".repeat(63)]) mixedManifest({ name });
    for (const name of ["", "A", "1a", "a.b", "a b", "a*", "a>", "../a", "ä", "x".repeat(64), "a\n"])
      assert.deepEqual(fieldsRefused({ ...MIXED, name }), ["name"], name);
  });

  it("refuses feature names that JavaScript objects have already", () => {
    for (const name of ["constructor", "toString", "hasOwnProperty"])
      assert.deepEqual(fieldsRefused(withInput(0, { name, type: "float" })), ["inputs.0.name"]);
    for (const name of ["__proto__", "", "1a", "a b", "a`b", "a'b"])
      assert.equal(fieldsRefused(withInput(0, { name, type: "float" }))[0], "inputs.0.name");
  });

  it("names the field of every disagreement within it", () => {
    assert.deepEqual(fieldsRefused(withInput(0, { name: "age", type: "float" })), ["inputs.1.name"]);
    assert.deepEqual(fieldsRefused(withInput(0, { name: "size", type: "float", min: 2, max: 1 })), [
      "inputs.0.min",
    ]);
    assert.deepEqual(fieldsRefused(withInput(0, { name: "size", type: "float", max: 1, default: 2 })), [
      "inputs.0.default",
    ]);
    assert.deepEqual(fieldsRefused(withInput(0, { name: "size", type: "int", example: 1.5 })), [
      "inputs.0.example",
    ]);
    const twice = { name: "color", type: "category", categories: ["a", "a"] };
    assert.deepEqual(fieldsRefused(withInput(2, twice)), ["inputs.2.categories"]);
    const missing = { name: "color", type: "category", categories: ["a"], default: "b" };
    assert.deepEqual(fieldsRefused(withInput(2, missing)), ["inputs.2.default"]);
    assert.deepEqual(fieldsRefused({ ...MIXED, classes: ["a", "a"] }), ["classes"]);
    assert.deepEqual(fieldsRefused({ ...MIXED, classes: ["a", "b", "c"], threshold: 0.5 }), ["threshold"]);
    assert.deepEqual(fieldsRefused({ ...MIXED, outputs: [{ name: "v", type: "value" }] }), ["classes"]);
    const { classes: _, ...without } = MIXED;
    assert.deepEqual(fieldsRefused(without), ["classes"]);
  });

  it("refuses integers that float32 would round, and takes those that it holds", () => {
    const int = (limits: object): unknown => withInput(0, { name: "size", type: "int", ...limits });
    for (const field of ["min", "max", "default", "example"])
      for (const value of [2 ** 24 + 1, -(2 ** 24) - 1, 2 ** 53 - 1])
        assert.deepEqual(fieldsRefused(int({ [field]: value })), [`inputs.0.${field}`]);
    const kept = { min: -(2 ** 25), max: 2 ** 40, default: 2 ** 24 + 2, example: 2 ** 24 - 1 };
    parseManifest(int(kept));
    parseManifest(int({ min: 0.1, max: 100.3 }));
    parseManifest(withInput(0, { name: "size", type: "float", max: 2 ** 24 + 1, default: 2 ** 24 + 1 }));
  });

  it("refuses unknown fields, other types and what is no object", () => {
    assert.deepEqual(fieldsRefused({ ...MIXED, extra: 1 }), ["model.json"]);
    assert.deepEqual(fieldsRefused({ ...MIXED, runtime: "pickle" }), ["runtime"]);
    assert.deepEqual(fieldsRefused({ ...MIXED, inputs: [] }), ["inputs"]);
    assert.deepEqual(fieldsRefused({ ...MIXED, outputs: [...MIXED.outputs, ...MIXED.outputs] }), ["outputs"]);
    for (const manifest of [null, [], "x", 1]) assert.deepEqual(fieldsRefused(manifest), ["model.json"]);
  });
});
