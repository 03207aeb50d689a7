/** Trees against those of LightGBM and scikit-learn: what both predict for the rows that they learned from, split for split. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TrainingSet, TrainingTask } from "../../../../../engine/core/training-set.ts";
import type { TrainedModel } from "../../../../../workers/train/trainer.ts";
import { gradientBoosting } from "../../../../../workers/train/trees/gradient-boosting.ts";
import { randomForest } from "../../../../../workers/train/trees/random-forest.ts";
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
  /** One a row, or one a row and class. */
  readonly scores: readonly (number | readonly number[])[];
}

function readGoldens(name: string): readonly Golden[] {
  return JSON.parse(readFileSync(join(PROJECT, `test/fixtures/trees/${name}.json`), "utf8")) as Golden[];
}

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

/** What raw scores of LightGBM predict. */
function linked({ scores, task }: Golden): number[] {
  return scores.flatMap((score) => {
    if (typeof score === "number") return [task === "binary" ? 1 / (1 + Math.exp(-score)) : score];
    const sum = score.reduce((total, one) => total + Math.exp(one), 0);
    return score.map((one) => Math.exp(one) / sum);
  });
}

/** Gradients and leaves are float32 in both, so values of a hundred agree to 1e-5 of them. */
async function expectPredicts(
  model: TrainedModel,
  set: TrainingSet,
  expected: readonly number[],
): Promise<void> {
  const own = await model.predict(set.columns, set.rows);
  assert.equal(own.length, expected.length);
  const wrong = expected.findIndex(
    (value, at) => !(Math.abs(value - (own[at] as number)) < 1e-5 * Math.max(1, value)),
  );
  assert.equal(wrong, -1, `${own[wrong]}, not ${expected[wrong]}`);
}

describe("gradient boosting predicts as LightGBM", () => {
  for (const golden of readGoldens("boosting"))
    it(golden.name, async () => {
      const training = setOf(golden);
      const parameters = gradientBoosting.parameters.parse(golden.parameters);
      const model = await gradientBoosting.train({ task: TASKS[golden.task], training, parameters, seed: 1 });
      await expectPredicts(model, training, linked(golden));
    });
});

describe("a forest's tree predicts as scikit-learn's", () => {
  for (const golden of readGoldens("forest"))
    it(golden.name, async () => {
      const training = setOf(golden);
      const all = { n_estimators: 1, bootstrap: false, max_features: 1 };
      const parameters = randomForest.parameters.parse({ ...golden.parameters, ...all });
      const model = await randomForest.train({ task: TASKS[golden.task], training, parameters, seed: 1 });
      await expectPredicts(model, training, golden.scores.flat());
    });
});
