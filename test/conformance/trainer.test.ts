/**
 * Runs the trainer suite over every trainer, with parameters that make training short.
 */
import { linearTrainer } from "../../workers/train/linear/linear-trainer.ts";
import type { Trainer } from "../../workers/train/trainer.ts";
import { describeTrainer } from "./trainer-suite.ts";

describeTrainer("LINEAR", {
  trainer: linearTrainer as Trainer<unknown>,
  parameters: { max_iter: 200, tol: 1e-8 },
  missing: /amount: a value is missing.*imputer/,
  categories: /color: it is a category.*one_hot_encoder/,
  lossMax: 0.5,
});
