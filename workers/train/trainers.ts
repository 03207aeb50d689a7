/** The trainers by model type. */
import { createEnsembleTrainer } from "./ensemble/ensemble-trainer.ts";
import { linearTrainer } from "./linear/linear-trainer.ts";
import { lstmTrainer, neuralNetworkTrainer } from "./network/network-trainer.ts";
import type { Trainer } from "./trainer.ts";
import { gradientBoosting } from "./trees/gradient-boosting.ts";
import { randomForest } from "./trees/random-forest.ts";

/** Those that export to ONNX can be members of an ensemble. */
const ONNX_TRAINERS = {
  GRADIENT_BOOSTING: gradientBoosting,
  RANDOM_FOREST: randomForest,
  LINEAR: linearTrainer,
} as const;

export const TRAINERS = {
  ...ONNX_TRAINERS,
  NEURAL_NETWORK: neuralNetworkTrainer,
  LSTM: lstmTrainer,
  ENSEMBLE: createEnsembleTrainer(ONNX_TRAINERS),
} as const satisfies Readonly<Record<string, Trainer<unknown>>>;

export type ModelType = keyof typeof TRAINERS;
