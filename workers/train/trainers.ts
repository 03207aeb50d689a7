/**
 * The trainers by model type, and what columns each can take.
 */
import { linearTrainer } from "./linear/linear-trainer.ts";
import { lstmTrainer, neuralNetworkTrainer } from "./network/network-trainer.ts";
import type { Trainer } from "./trainer.ts";
import { gradientBoosting } from "./trees/gradient-boosting.ts";
import { randomForest } from "./trees/random-forest.ts";

export interface RegisteredTrainer {
  readonly trainer: Trainer<unknown>;
  /** `anything`: NaN for what is missing, and codes of categories, too. */
  readonly takes: "numbers" | "anything";
}

/** The first one is taken when nobody says which. */
export const TRAINERS: ReadonlyMap<string, RegisteredTrainer> = new Map([
  ["GRADIENT_BOOSTING", { trainer: gradientBoosting as Trainer<unknown>, takes: "anything" }],
  ["RANDOM_FOREST", { trainer: randomForest as Trainer<unknown>, takes: "anything" }],
  ["LINEAR", { trainer: linearTrainer as Trainer<unknown>, takes: "numbers" }],
  ["NEURAL_NETWORK", { trainer: neuralNetworkTrainer as Trainer<unknown>, takes: "numbers" }],
  ["LSTM", { trainer: lstmTrainer as Trainer<unknown>, takes: "numbers" }],
]);
