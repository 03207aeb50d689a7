/** What the suite of all trainers cannot ask of networks. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TrainingSet, TrainingTask } from "../../../../engine/core/training-set.ts";
import { loadTfjs } from "../../../../workers/tfjs-backend.ts";
import { readTfjsFiles } from "../../../../workers/tfjs-files.ts";
import { lstmTrainer, neuralNetworkTrainer } from "../../../../workers/train/network/network-trainer.ts";
import type { ExportedModel, TrainedModel, TrainerRun } from "../../../../workers/train/trainer.ts";
import { hasCode } from "../../../support/error-code.ts";
import { TASKS, trainingSet } from "../../../support/training-sets.ts";

type Options = Partial<Omit<TrainerRun<unknown>, "parameters" | "training">>;

function dense(
  training: TrainingSet,
  task: TrainingTask,
  parameters: object,
  more: Options = {},
): Promise<TrainedModel> {
  const parsed = neuralNetworkTrainer.parameters.parse({ epochs: 3, hidden_units: [4], ...parameters });
  return neuralNetworkTrainer.train({ task, training, seed: 1, ...more, parameters: parsed });
}

/** Weights by name. */
async function weightsOf(model: TrainedModel): Promise<Map<string, Float32Array>> {
  const { files } = await model.export();
  const { weightSpecs = [], weightData } = readTfjsFiles(files).artifacts;
  let offset = 0;
  return new Map(
    weightSpecs.map(({ name, shape }) => {
      const length = shape.reduce((product, size) => product * size, 1);
      const values = new Float32Array(weightData as ArrayBuffer, offset, length);
      offset += 4 * length;
      return [name, values];
    }),
  );
}

describe("networks that are trained", () => {
  const set = trainingSet(TASKS.binary, { rows: 100, seed: 1 });

  it("fail with the column or parameter to change when numbers are too large for float32", async () => {
    const set = trainingSet(TASKS.regression, { rows: 100, seed: 1 });
    const [first, ...others] = set.columns;
    const values = (first?.values ?? new Float32Array()).with(3, 3e38).with(4, -3e38);
    const huge = { ...set, columns: [{ name: "age", values }, ...others] };
    await assert.rejects(
      dense(huge, TASKS.regression, {}),
      hasCode("INVALID_REQUEST", /age: its deviation of .* is too large.*Clip/),
    );
    const initial = await (await dense(set, TASKS.regression, {})).export();
    await assert.rejects(
      dense(huge, TASKS.regression, {}, { initial }),
      hasCode("INVALID_REQUEST", /learning_rate: the loss is (NaN|Infinity) in epoch 1\. Lower it/),
    );
  });

  it("refuse to wait for validation rows that are not there", async () => {
    await assert.rejects(
      dense(set, TASKS.binary, { patience: 3 }),
      hasCode("INVALID_REQUEST", /patience: .*no validation rows/),
    );
  });

  it("keep the layers below the head as they are in TRANSFER_LEARNING, also for another task", async () => {
    const initial = await dense(set, TASKS.binary, {});
    const values = trainingSet(TASKS.regression, { rows: 100, seed: 2 });
    const options = { initial: await initial.export(), warmStart: "TRANSFER_LEARNING" } as const;
    const transferred = await dense(values, TASKS.regression, { hidden_units: undefined }, options);
    const [before, after] = [await weightsOf(initial), await weightsOf(transferred)];
    const kept = [...before.keys()].filter((name) => /^(normalization|hidden)/.test(name));
    assert.equal(kept.length, 4);
    for (const name of kept) assert.deepEqual(after.get(name), before.get(name), name);
    assert.equal(after.get("scores/kernel")?.length, 4);
    await assert.rejects(
      dense(values, TASKS.regression, {}, { ...options, warmStart: "INCREMENTAL" }),
      hasCode("INVALID_REQUEST", /initial: .*FULL_RETRAIN/),
    );
  });

  it("refuse a shape that the model to go on from has not", async () => {
    const initial: ExportedModel = await (await dense(set, TASKS.binary, {})).export();
    for (const [parameters, says] of [
      [{ hidden_units: [5] }, /hidden_units: .*has \[4\]/],
      [{ activation: "tanh" }, /activation: .*has "relu"/],
    ] as const)
      await assert.rejects(
        dense(set, TASKS.binary, parameters, { initial }),
        hasCode("INVALID_REQUEST", says),
      );
  });

  it("leave out other outputs with another seed, and none without dropout", async () => {
    const losses = async (parameters: object): Promise<number[]> => {
      const heard: number[] = [];
      await dense(set, TASKS.binary, parameters, {
        onIteration: ({ trainingLoss = Number.NaN }) => {
          heard.push(trainingLoss);
          return "continue";
        },
      });
      return heard;
    };
    const plain = await losses({});
    const dropped = await losses({ dropout: 0.5 });
    assert.notDeepEqual(dropped, plain);
    assert.notDeepEqual(await losses({ l2: 0.1 }), plain);
    assert.deepEqual(await losses({ dropout: 0.5 }), dropped);
  });

  it("leave no tensor behind, whether they succeed or fail", async () => {
    const { core } = await loadTfjs();
    const run = async (): Promise<void> => {
      const model = await dense(set, TASKS.binary, { dropout: 0.2, patience: 1 }, { validation: set });
      await model.predict(set.columns, set.rows);
      await dense(set, TASKS.binary, {}, { initial: await model.export() });
      await assert.rejects(dense(set, TASKS.regression, {}, { initial: await model.export() }));
    };
    await run();
    const { numTensors } = core.memory();
    await run();
    assert.equal(core.memory().numTensors, numTensors);
  });
});

describe("an LSTM that is trained", () => {
  const steps = 3;
  const set = trainingSet(TASKS.regression, { rows: 60, seed: 1, steps });

  it("computes what Hochreiter and Schmidhuber's gates do, block by block, oldest first", async () => {
    const parameters = lstmTrainer.parameters.parse({ steps, units: 2, epochs: 2 });
    const model = await lstmTrainer.train({ task: TASKS.regression, training: set, parameters, seed: 1 });
    const weights = await weightsOf(model);
    const own = await model.predict(set.columns, set.rows);
    for (let row = 0; row < set.rows; row++) {
      const expected = lstmByHand(weights, set, row, steps, 2);
      assert.ok(Math.abs((own[row] as number) - expected) < 1e-3, `row ${row}: ${own[row]}, not ${expected}`);
    }
  });

  it("refuses columns that are no whole blocks", async () => {
    const parameters = lstmTrainer.parameters.parse({ steps: 5 });
    await assert.rejects(
      lstmTrainer.train({ task: TASKS.regression, training: set, parameters, seed: 1 }),
      hasCode("INVALID_REQUEST", /steps: 12 columns are not 5 blocks.*oldest first/),
    );
  });
});

function lstmByHand(
  weights: ReadonlyMap<string, Float32Array>,
  { columns }: TrainingSet,
  row: number,
  steps: number,
  units: number,
): number {
  const get = (name: string, index: number): number => weights.get(name)?.[index] ?? Number.NaN;
  const inputs = columns.length / steps;
  const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));
  let outputs = Array.from({ length: units }, () => 0);
  let cells = Array.from({ length: units }, () => 0);
  for (let step = 0; step < steps; step++) {
    const gate = (which: number, unit: number): number => {
      const at = which * units + unit;
      let sum = get("lstm/bias", at);
      for (let input = 0; input < inputs; input++) {
        const column = step * inputs + input;
        const value = (columns[column]?.values[row] ?? 0) - get("normalization/moving_mean", column);
        const normal = value / Math.sqrt(get("normalization/moving_variance", column));
        sum += normal * get("lstm/kernel", input * 4 * units + at);
      }
      for (const [other, output] of outputs.entries())
        sum += output * get("lstm/recurrent_kernel", other * 4 * units + at);
      return sum;
    };
    const next = cells.map(
      (cell, unit) => sigmoid(gate(1, unit)) * cell + sigmoid(gate(0, unit)) * Math.tanh(gate(2, unit)),
    );
    outputs = next.map((cell, unit) => sigmoid(gate(3, unit)) * Math.tanh(cell));
    cells = next;
  }
  const score = outputs.reduce(
    (sum, output, unit) => sum + output * get("scores/kernel", unit),
    get("scores/bias", 0),
  );
  return get("value/kernel", 0) * score + get("value/bias", 0);
}
