/**
 * The trainers by model type, and what columns each can take.
 */
import { createEnsembleTrainer } from "./ensemble/ensemble-trainer.ts";
import { linearTrainer } from "./linear/linear-trainer.ts";
import { lstmTrainer, neuralNetworkTrainer } from "./network/network-trainer.ts";
import type { Trainer } from "./trainer.ts";
import { gradientBoosting } from "./trees/gradient-boosting.ts";
import { randomForest } from "./trees/random-forest.ts";

export interface RegisteredTrainer {
  /** Parameters are checked by the trainer's own schema before it is run. */
  readonly trainer: Trainer<unknown>;
  /** `anything`: NaN for what is missing, and codes of categories, too. */
  readonly takes: "numbers" | "anything";
  /** What its models are explained against: trees have their covers, weighted sums need means, all else needs rows. */
  readonly background: "none" | "means" | "rows";
}

/** Those that export to ONNX can be members of an ensemble. */
const ONNX_TRAINERS: Readonly<Record<string, Trainer<unknown>>> = {
  GRADIENT_BOOSTING: gradientBoosting,
  RANDOM_FOREST: randomForest,
  LINEAR: linearTrainer,
};

/** The first one is taken when nobody says which. */
export const TRAINERS: ReadonlyMap<string, RegisteredTrainer> = new Map<string, RegisteredTrainer>([
  ["GRADIENT_BOOSTING", { trainer: gradientBoosting, takes: "anything", background: "none" }],
  ["RANDOM_FOREST", { trainer: randomForest, takes: "anything", background: "none" }],
  ["LINEAR", { trainer: linearTrainer, takes: "numbers", background: "means" }],
  ["NEURAL_NETWORK", { trainer: neuralNetworkTrainer, takes: "numbers", background: "rows" }],
  ["LSTM", { trainer: lstmTrainer, takes: "numbers", background: "rows" }],
  ["ENSEMBLE", { trainer: createEnsembleTrainer(ONNX_TRAINERS), takes: "numbers", background: "rows" }],
]);
