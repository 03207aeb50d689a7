/**
 * Every step against scikit-learn's own output: what it learns from the training rows, and what it makes of others.
 * The goldens and the script that made them are in test/fixtures.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { modelInput } from "../../../../engine/core/model-input.ts";
import { preprocessingSteps, unfittedSteps } from "../../../../engine/core/preprocessing.ts";
import { fitPipeline } from "../../../../engine/transform/fit.ts";
import { compilePipeline } from "../../../../engine/transform/pipeline.ts";
import { assertClose } from "../../../support/close.ts";
import { fixture } from "../../../support/model.ts";
import { type PlainRow, rawRowsOf, transformed } from "../../../support/raw-rows.ts";

interface Case {
  readonly name: string;
  readonly inputs: readonly unknown[];
  readonly steps: readonly Record<string, unknown>[];
  /** Learned fields of the first step. */
  readonly learned: Readonly<Record<string, unknown>>;
  readonly training: readonly PlainRow[];
  readonly rows: readonly PlainRow[];
  readonly expected: readonly (readonly number[])[];
}

const cases = JSON.parse(readFileSync(fixture("transforms/golden.json"), "utf8")) as Case[];

describe("a step of preprocessing, as scikit-learn does it", () => {
  it("has goldens for every type of step that has numbers in it", () => {
    const types = new Set(cases.flatMap(({ steps }) => steps.map(({ type }) => type)));
    assert.equal(types.size, 13, [...types].join(", "));
    assert.ok(cases.length >= 25);
  });

  for (const { name, learned, training, rows, expected, ...one } of cases) {
    const inputs = one.inputs.map((input) => modelInput.parse(input));
    it(`${name}: learns the same, to the last bit each time`, () => {
      const steps = unfittedSteps.parse(one.steps);
      const fitted = fitPipeline(inputs, steps, rawRowsOf(inputs, training));
      for (const [field, value] of Object.entries(learned))
        assertClose((fitted[0] as unknown as Record<string, unknown>)[field], value, field);
      const again = fitPipeline(inputs, steps, rawRowsOf(inputs, training));
      assert.equal(JSON.stringify(again), JSON.stringify(fitted));
      assert.deepEqual(preprocessingSteps.parse(JSON.parse(JSON.stringify(fitted))), fitted);
    });

    it(`${name}: transforms the same`, () => {
      const steps = preprocessingSteps.parse([{ ...one.steps[0], ...learned }, ...one.steps.slice(1)]);
      const pipeline = compilePipeline(inputs, steps);
      assert.equal(pipeline.width, expected[0]?.length);
      assertClose(transformed(pipeline, rawRowsOf(inputs, rows)), expected, "row");
    });
  }
});
