/** Gradient boosting against LightGBM's scores for the rows that both learned from, tree for tree. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { predictionWidth, type TrainingSet, type TrainingTask } from "../../../../../engine/core/training-set.ts";
import { gradientBoosting } from "../../../../../workers/train/trees/gradient-boosting.ts";
import { PROJECT } from "../../../../support/model-folder.ts";
import { TASKS } from "../../../../support/training-sets.ts";

interface Golden {
  readonly name: string;
  readonly task: TrainingTask["kind"];
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly categories: number;
  readonly columns: readonly (readonly (number | null)[])[];
  readonly targets: readonly number[];
  readonly weights: readonly number[] | null;
  /** Before the link: one a row, or one a row and class. */
  readonly scores: readonly (number | readonly number[])[];
}

const goldens = JSON.parse(
  readFileSync(join(PROJECT, "test/fixtures/trees/boosting.json"), "utf8"),
) as readonly Golden[];

function setOf({ columns, targets, weights, categories }: Golden): TrainingSet {
  return {
    rows: targets.length,
    columns: columns.map((values, index) => ({
      name: `c${index}`,
      values: Float32Array.from(values, (value) => value ?? Number.NaN),
      ...(index === 3 && categories > 0 ? { categories } : {}),
    })),
    targets: Float64Array.from(targets),
    ...(weights === null ? {} : { weights: Float64Array.from(weights) }),
  };
}

/** Predictions of LightGBM's scores. */
function linked(scores: Golden["scores"]): Float64Array {
  const rows = scores.map((score) => {
    if (typeof score === "number") return [1 / (1 + Math.exp(-score))];
    const sum = score.reduce((total, one) => total + Math.exp(one), 0);
    return score.map((one) => Math.exp(one) / sum);
  });
  return Float64Array.from(rows.flat());
}

describe("gradient boosting beside LightGBM", () => {
  for (const golden of goldens)
    it(`gives the same predictions: ${golden.name}`, async () => {
      const training = setOf(golden);
      const parameters = gradientBoosting.parameters.parse(golden.parameters);
      const task = TASKS[golden.task];
      const model = await gradientBoosting.train({ task, training, parameters, seed: 1 });
      const own = await model.predict(training.columns, training.rows);
      const expected =
        golden.task === "regression" ? Float64Array.from(golden.scores as number[]) : linked(golden.scores);
      assert.equal(own.length, training.rows * predictionWidth(task));
      const worst = own.reduce((most, value, at) => Math.max(most, Math.abs(value - (expected[at] as number))), 0);
      const tolerance = golden.task === "regression" ? 1e-4 : 1e-5;
      assert.ok(worst < tolerance, `${worst}`);
    });
});
