/**
 * Runs the trainer suite over every trainer, with parameters that make training short.
 */
import { linearTrainer } from "../../workers/train/linear/linear-trainer.ts";
import { lstmTrainer, neuralNetworkTrainer } from "../../workers/train/network/network-trainer.ts";
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
const NETWORK = { learning_rate: 0.02, batch_size: 32, epochs: 12 };
describeTrainer("NEURAL_NETWORK", {
  trainer: neuralNetworkTrainer,
  parameters: { ...NETWORK, hidden_units: [16, 8], dropout: 0.1, l2: 1e-5 },
  earlyStopping: { epochs: 200, patience: 5 },
  missing: /amount: a value is missing.*imputer/,
  categories: /color: it is a category.*one_hot_encoder/,
  lossMax: 0.6,
});
describeTrainer("LSTM", {
  trainer: lstmTrainer,
  parameters: { ...NETWORK, steps: 3, units: 8, dropout: 0.1 },
  earlyStopping: { epochs: 200, patience: 5 },
  missing: /amount_0: a value is missing.*imputer/,
  categories: /color: it is a category.*one_hot_encoder/,
  lossMax: 0.7,
  steps: 3,
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
