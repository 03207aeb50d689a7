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

/** Parameters are checked by the trainer's own schema before it is run. */
function registered(trainer: unknown, takes: RegisteredTrainer["takes"]): RegisteredTrainer {
  return { trainer: trainer as Trainer<unknown>, takes };
}

/** The first one is taken when nobody says which. */
export const TRAINERS: ReadonlyMap<string, RegisteredTrainer> = new Map([
  ["GRADIENT_BOOSTING", registered(gradientBoosting, "anything")],
  ["RANDOM_FOREST", registered(randomForest, "anything")],
  ["LINEAR", registered(linearTrainer, "numbers")],
  ["NEURAL_NETWORK", registered(neuralNetworkTrainer, "numbers")],
  ["LSTM", registered(lstmTrainer, "numbers")],
]);
