/** Models that trainers here export: explained by what is in their files, adding up to the answers that they give when served. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseManifest } from "../../../../engine/core/manifest.ts";
import type { TrainingSet, TrainingTask } from "../../../../engine/core/training-set.ts";
import { withBackground } from "../../../../engine/train/background.ts";
import { createExplainer } from "../../../../workers/explain/create-explainer.ts";
import type { Explanation } from "../../../../workers/explain/explanation.ts";
import type { ModelArtifact } from "../../../../workers/runtime.ts";
import { runtimeOf } from "../../../../workers/runtimes.ts";
import { TRAINERS } from "../../../../workers/train/trainers.ts";
import { questionOf } from "../../../support/explained-model.ts";
import { TASKS, trainingSet } from "../../../support/training-sets.ts";

const ROWS = 20;
const TOLERANCE = 1e-5;

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

/** What contributions and base must add up to, of an answer. */
function explainedBy({ unit }: Explanation, answer: Float32Array, output: number): number | undefined {
  const answered = answer[output] as number;
  if (unit !== "margin") return answered;
  return answer.length === 2 ? Math.log(answered / (1 - answered)) : undefined;
}

async function expectAddedUp(artifact: ModelArtifact, training: TrainingSet): Promise<Explanation[]> {
  const runtime = await runtimeOf(artifact.manifest.runtime);
  const model = await runtime.load(artifact);
  const explainer = await createExplainer(artifact);
  const width = artifact.manifest.classes?.length ?? 1;
  const found: Explanation[] = [];
  for (let at = 0; at < ROWS; at++) {
    const row = training.columns.map(({ values }) => values[at] as number);
    const answer = new Float32Array(width);
    await model.predict(Float32Array.from(row), 1, answer);
    const explanations = [];
    for (let output = width === 2 ? 1 : 0; output < width; output++) {
      const one = await explainer.explain(questionOf(row, [...answer], output));
      const sum = one.contributions.reduce((a, b) => a + b, one.base);
      const expected = explainedBy(one, answer, output);
      const limit = TOLERANCE * Math.max(1, Math.abs(expected ?? 0)) * (one.unit === "margin" ? 10 : 1);
      if (expected !== undefined)
        assert.ok(Math.abs(sum - expected) <= limit, `row ${at}: ${sum}, not ${expected}`);
      explanations.push({ one, sum });
    }
    if (explanations.length > 2 && explanations[0]?.one.unit === "margin") {
      const powers = explanations.map(({ sum }) => Math.exp(sum));
      const total = powers.reduce((a, b) => a + b, 0);
      for (const [output, power] of powers.entries())
        assert.ok(
          Math.abs(power / total - (answer[output] as number)) <= TOLERANCE,
          `row ${at}, class ${output}`,
        );
    }
    found.push(...explanations.map(({ one }) => one));
  }
  await explainer.close();
  await model.close();
  return found;
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
        const found = await expectAddedUp(artifact, training);
        const unit = task.kind === "regression" ? "value" : UNITS[type];
        assert.ok(found.every((one) => one.unit === unit));
        assert.ok(found.some(({ contributions }) => contributions.some((one) => Math.abs(one) > 0.01)));
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
