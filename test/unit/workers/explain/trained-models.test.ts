/** Models that trainers here export: explained by what is in their files, adding up to the answers that they give when served. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseManifest } from "../../../../engine/core/manifest.ts";
import type { TrainingSet, TrainingTask } from "../../../../engine/core/training-set.ts";
import { withBackground } from "../../../../engine/train/background.ts";
import type { ModelArtifact } from "../../../../workers/runtime.ts";
import { TRAINERS } from "../../../../workers/train/trainers.ts";
import { expectAddedUp } from "../../../support/explained-model.ts";
import { TASKS, trainingSet } from "../../../support/training-sets.ts";

const ROWS = 20;

const PARAMETERS: Readonly<Record<string, object>> = {
  GRADIENT_BOOSTING: { n_estimators: 12 },
  RANDOM_FOREST: { n_estimators: 12 },
  LINEAR: {},
  NEURAL_NETWORK: { epochs: 3 },
};

async function trainedModel(type: string, task: TrainingTask, training: TrainingSet): Promise<ModelArtifact> {
  const registered = TRAINERS.get(type);
  assert.ok(registered !== undefined);
  const parameters = registered.trainer.parameters.parse(PARAMETERS[type]);
  const trained = await registered.trainer.train({ task, training, parameters, seed: 1 });
  const { runtime, files, inputTensor, output } = await trained.export();
  const classes = task.kind === "regression" ? 0 : task.classes;
  const manifest = parseManifest({
    name: "trained",
    version: "1.0.0",
    runtime,
    inputs: training.columns.map(({ name }) => ({ name, type: "float" })),
    input_tensor: inputTensor,
    outputs: [output],
    allow_nan: true,
    ...(classes === 0 ? {} : { classes: Array.from({ length: classes }, (_, at) => `class ${at}`) }),
  });
  return { manifest, files: withBackground(files, registered, training) };
}

function rowsOf({ columns }: TrainingSet): number[][] {
  return Array.from({ length: ROWS }, (_, at) => columns.map(({ values }) => values[at] as number));
}

const UNITS: Readonly<Record<string, string>> = {
  GRADIENT_BOOSTING: "margin",
  RANDOM_FOREST: "probability",
  LINEAR: "margin",
  NEURAL_NETWORK: "probability",
};

describe("explanations of trained models", () => {
  for (const type of Object.keys(PARAMETERS))
    for (const task of Object.values(TASKS))
      it(`${type}, ${task.kind}: base and contributions add up to what is served`, async () => {
        const training = trainingSet(task, { rows: 300, seed: 1 });
        const artifact = await trainedModel(type, task, training);
        const found = await expectAddedUp(artifact, rowsOf(training));
        const unit = task.kind === "regression" ? "value" : UNITS[type];
        assert.ok(found.every((one) => one.unit === unit));
        assert.ok(found.some(({ contributions }) => contributions.some((one) => Math.abs(one) > 0.01)));
      });

  for (const type of ["GRADIENT_BOOSTING", "RANDOM_FOREST"])
    it(`${type}: missing values and categories are explained too`, async () => {
      const training = trainingSet(TASKS.regression, { rows: 300, seed: 1, missing: 0.2, hasCategory: true });
      const found = await expectAddedUp(
        await trainedModel(type, TASKS.regression, training),
        rowsOf(training),
      );
      const color = training.columns.findIndex(({ name }) => name === "color");
      assert.ok(found.some(({ contributions }) => Math.abs(contributions[color] as number) > 1));
    });

  it("of trees need no background; of others it is the means of the training rows, or rows of them", async () => {
    const training = trainingSet(TASKS.binary, { rows: 300, seed: 1 });
    const backgroundOf = async (type: string): Promise<number[][] | undefined> => {
      const bytes = (await trainedModel(type, TASKS.binary, training)).files.get("background.json");
      return bytes === undefined
        ? undefined
        : (JSON.parse(Buffer.from(bytes).toString()) as { rows: number[][] }).rows;
    };
    assert.equal(await backgroundOf("GRADIENT_BOOSTING"), undefined);
    const [means = []] = (await backgroundOf("LINEAR")) ?? [];
    for (const [column, { values }] of training.columns.entries()) {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      assert.ok(Math.abs((means[column] as number) - mean) <= 1e-6 * Math.max(1, Math.abs(mean)));
    }
    const rows = (await backgroundOf("NEURAL_NETWORK")) ?? [];
    assert.equal(rows.length, 100);
    assert.deepEqual(
      rows[1],
      training.columns.map(({ values }) => values[3]),
    );
  });
});
