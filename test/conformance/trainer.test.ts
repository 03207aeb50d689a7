/**
 * Runs the trainer suite over every trainer, with parameters that make training short.
 */
import { linearTrainer } from "../../workers/train/linear/linear-trainer.ts";
import { gradientBoosting } from "../../workers/train/trees/gradient-boosting.ts";
import { randomForest } from "../../workers/train/trees/random-forest.ts";
import { describeTrainer } from "./trainer-suite.ts";

describeTrainer("LINEAR", {
  trainer: linearTrainer,
  parameters: { max_iter: 200, tol: 1e-8 },
  missing: /amount: a value is missing.*imputer/,
  categories: /color: it is a category.*one_hot_encoder/,
  lossMax: 0.5,
});

describeTrainer("GRADIENT_BOOSTING", {
  trainer: gradientBoosting,
  parameters: { n_estimators: 30, num_leaves: 15, min_data_in_leaf: 5 },
  earlyStopping: { n_estimators: 300, early_stopping_rounds: 5 },
  missing: "learned",
  categories: "learned",
  lossMax: 0.5,
});

describeTrainer("RANDOM_FOREST", {
  trainer: randomForest,
  parameters: { n_estimators: 30, min_samples_leaf: 2 },
  missing: "learned",
  categories: "learned",
  lossMax: 0.5,
});
