/** Explanations against those of the shap package: trees by covers and against a background, weighted sums, drawn orders. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readBackground } from "../../../../workers/explain/background.ts";
import { createExplainer } from "../../../../workers/explain/create-explainer.ts";
import { permutationShap } from "../../../../workers/explain/permutation-shap.ts";
import { onnxRuntime } from "../../../../workers/runtime-onnx.ts";
import {
  type ExplanationGolden,
  explainedModel,
  questionOf,
  readExplanations,
} from "../../../support/explained-model.ts";

const TOLERANCE = 1e-6;

function isClose(actual: number | undefined, expected: number | undefined, what: string): void {
  const difference = Math.abs((actual ?? Number.NaN) - (expected ?? Number.NaN));
  assert.ok(difference <= TOLERANCE, `${what}: ${actual}, not ${expected}`);
}

async function expectGolden(golden: ExplanationGolden, unit: string): Promise<void> {
  const explainer = await createExplainer(explainedModel(golden));
  for (const [at, row] of golden.rows.entries()) {
    for (const [place, base] of golden.base.entries()) {
      // one explained number is that of the last class
      const output = golden.base.length === 1 ? golden.width - 1 : place;
      const found = await explainer.explain(questionOf(row, golden.answers[at] ?? [], output));
      assert.equal(found.unit, unit);
      isClose(found.base, base, `row ${at}, base`);
      for (const [column, contribution] of (golden.contributions[at]?.[place] ?? []).entries())
        isClose(found.contributions[column], contribution, `row ${at}, output ${output}, column ${column}`);
    }
  }
  await explainer.close();
}

describe("explanations are shap's", () => {
  for (const golden of readExplanations("covers"))
    it(`${golden.name}: by covers`, () => expectGolden(golden, golden.width === 1 ? "value" : "probability"));

  for (const golden of readExplanations("background"))
    it(`${golden.name}: against a background`, () => {
      const unit = /forest/.test(golden.name) ? "probability" : golden.width === 1 ? "value" : "margin";
      return expectGolden(golden, unit);
    });

  for (const golden of readExplanations("linear"))
    it(golden.name, () => expectGolden(golden, golden.width === 1 ? "value" : "margin"));

  for (const golden of readExplanations("permutation"))
    it(`${golden.name}: by drawn orders, the same orders`, async () => {
      const artifact = explainedModel(golden);
      const background = readBackground(artifact) ?? [];
      const model = await onnxRuntime.load(artifact);
      for (const [at, row] of golden.rows.entries()) {
        const contributions = await permutationShap({
          asked: questionOf(row, golden.answers[at] ?? [], golden.width - 1),
          background,
          base: golden.base[0] ?? Number.NaN,
          orders: (golden.orders?.[at] ?? []).map((order) => Uint32Array.from(order)),
          width: golden.width,
          predict: async (rows, count, outputs) => model.predict(rows, count, outputs),
        });
        for (const [column, contribution] of (golden.contributions[at]?.[0] ?? []).entries())
          isClose(contributions[column], contribution, `row ${at}, column ${column}`);
      }
      await model.close();
    });
});
