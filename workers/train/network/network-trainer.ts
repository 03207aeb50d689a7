/**
 * NEURAL_NETWORK and LSTM: one trainer that differs in the layers before the head.
 *
 * INCREMENTAL goes on with all weights; TRANSFER_LEARNING keeps everything before the head as it is and fits a new head, which
 * may be for another task. Either keeps the normalization of the model that it goes on from. A trained model is its files:
 * nothing of the library outlives a call.
 */
import {
  predictionWidth,
  type TrainingColumn,
  type TrainingTask,
} from "../../../engine/core/training-set.ts";
import { loadTfjs, type Tfjs } from "../../tfjs-backend.ts";
import { outputOf } from "../model-ports.ts";
import { seededRandom } from "../seeded-random.ts";
import type { ExportedModel, TrainedModel, Trainer, TrainerRun } from "../trainer.ts";
import { checkNumbers, checkRows, trainingInvalid } from "../training-checks.ts";
import { exportNetwork, loadNetworkFiles } from "./network-files.ts";
import { fitNetwork } from "./network-fit.ts";
import {
  type FittingParameters,
  type LstmParameters,
  lstmParameters,
  type NetworkBody,
  type NeuralNetworkParameters,
  neuralNetworkParameters,
} from "./network-parameters.ts";
import { continuedNetwork, newNetwork } from "./network-start.ts";
import { gather } from "./row-batches.ts";

const PREDICTED_ROWS = 1024;

export const neuralNetworkTrainer: Trainer<NeuralNetworkParameters> = {
  parameters: neuralNetworkParameters,
  tasks: ["binary", "multiclass", "regression"],
  warmStarts: ["INCREMENTAL", "TRANSFER_LEARNING"],
  train: (run) =>
    trainNetwork(run, "NEURAL_NETWORK", (found) => {
      const { hidden_units, activation } = run.parameters;
      const own = found?.kind === "dense" ? found : undefined;
      if (own !== undefined) {
        expectSame("hidden_units", hidden_units, own.hiddenUnits);
        expectSame("activation", activation, own.activation);
      }
      return (
        own ?? { kind: "dense", hiddenUnits: hidden_units ?? [64, 32], activation: activation ?? "relu" }
      );
    }),
};

export const lstmTrainer: Trainer<LstmParameters> = {
  parameters: lstmParameters,
  tasks: ["binary", "multiclass", "regression"],
  warmStarts: ["INCREMENTAL", "TRANSFER_LEARNING"],
  train: (run) =>
    trainNetwork(run, "LSTM", (found) => {
      const { steps, units } = run.parameters;
      const columns = run.training.columns.length;
      if (columns % steps !== 0)
        throw trainingInvalid(
          "steps",
          `${columns} columns are not ${steps} blocks of the same width. Select the same columns for each step, oldest first.`,
        );
      const own = found?.kind === "lstm" ? found : undefined;
      if (own !== undefined) {
        expectSame("steps", steps, own.steps);
        expectSame("units", units, own.units);
      }
      return own ?? { kind: "lstm", steps, units: units ?? 32 };
    }),
};

/** What is given for a model to go on from must be what it has. */
function expectSame(name: string, given: unknown, found: unknown): void {
  if (given === undefined || JSON.stringify(given) === JSON.stringify(found)) return;
  throw trainingInvalid(
    name,
    `the model to go on from has ${JSON.stringify(found)}. Leave it out, or train with mode FULL_RETRAIN.`,
  );
}

async function trainNetwork(
  run: TrainerRun<FittingParameters>,
  modelType: string,
  bodyFor: (found: NetworkBody | undefined) => NetworkBody,
): Promise<TrainedModel> {
  const { task, training, validation, parameters } = run;
  checkRows(training, task);
  for (const set of [training, validation]) checkNumbers(set?.columns ?? [], modelType);
  if (parameters.patience !== undefined && (validation === undefined || validation.rows === 0))
    throw trainingInvalid(
      "patience",
      "there are no validation rows to wait on. Leave it out, or keep rows for validation.",
    );
  const tfjs = await loadTfjs();
  const random = seededRandom(run.seed);
  const { network, trained } =
    run.initial === undefined
      ? newNetwork(tfjs, run, bodyFor(undefined), random)
      : await continuedNetwork(tfjs, run, run.initial, bodyFor, random);
  try {
    const iterations = fitNetwork(network, trained, run, random);
    return trainedModel(tfjs, task, iterations, await exportNetwork(network));
  } finally {
    network.model.dispose();
  }
}

function trainedModel(
  tfjs: Tfjs,
  task: TrainingTask,
  iterations: number,
  exported: ExportedModel,
): TrainedModel {
  return {
    iterations,
    predict: (columns, rows) => predict(tfjs, task, exported, columns, rows),
    export: async () => exported,
  };
}

async function predict(
  { core, ...tfjs }: Tfjs,
  task: TrainingTask,
  exported: ExportedModel,
  columns: readonly TrainingColumn[],
  rows: number,
): Promise<Float64Array> {
  const model = await loadNetworkFiles({ core, ...tfjs }, exported);
  const { width } = outputOf(task);
  const outputs = new Float64Array(rows * width);
  try {
    for (let start = 0; start < rows; start += PREDICTED_ROWS) {
      const count = Math.min(PREDICTED_ROWS, rows - start);
      const indexes = Uint32Array.from({ length: count }, (_, index) => start + index);
      const values = core.tidy(() => {
        const features = core.tensor2d(gather(columns, indexes), [count, columns.length]);
        return (model.predictOnBatch(features) as ReturnType<typeof core.tensor2d>).dataSync();
      });
      outputs.set(values, start * width);
    }
  } finally {
    model.dispose();
  }
  if (predictionWidth(task) === width) return outputs;
  return Float64Array.from({ length: rows }, (_, row) => outputs[row * width + 1] as number);
}
