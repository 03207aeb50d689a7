/**
 * Runs the trainer suite over every trainer, with parameters that make training short.
 */
import type { Trainer } from "../../workers/train/trainer.ts";
import { TRAINERS } from "../../workers/train/trainers.ts";
import { describeTrainer } from "./trainer-suite.ts";

function trainerOf(type: string): Trainer<unknown> {
  const found = TRAINERS.get(type);
  if (found === undefined) throw new Error(`there is no trainer ${type}`);
  return found.trainer;
}

describeTrainer("LINEAR", {
  trainer: trainerOf("LINEAR"),
  parameters: { max_iter: 200, tol: 1e-8 },
  missing: /amount: a value is missing.*imputer/,
  categories: /color: it is a category.*one_hot_encoder/,
  lossMax: 0.5,
});
const NETWORK = { learning_rate: 0.04, batch_size: 100, epochs: 8 };
describeTrainer("NEURAL_NETWORK", {
  trainer: trainerOf("NEURAL_NETWORK"),
  parameters: { ...NETWORK, hidden_units: [16, 8], dropout: 0.1, l2: 1e-5 },
  earlyStopping: { epochs: 200, patience: 5 },
  missing: /amount: a value is missing.*imputer/,
  categories: /color: it is a category.*one_hot_encoder/,
  lossMax: 0.6,
});
describeTrainer("LSTM", {
  trainer: trainerOf("LSTM"),
  parameters: { ...NETWORK, steps: 3, units: 8, dropout: 0.1 },
  earlyStopping: { epochs: 200, patience: 5 },
  missing: /amount_0: a value is missing.*imputer/,
  categories: /color: it is a category.*one_hot_encoder/,
  lossMax: 0.7,
  steps: 3,
});

describeTrainer("GRADIENT_BOOSTING", {
  trainer: trainerOf("GRADIENT_BOOSTING"),
  parameters: { n_estimators: 30, num_leaves: 15, min_data_in_leaf: 5, early_stopping_rounds: 0 },
  earlyStopping: { n_estimators: 300, early_stopping_rounds: 5 },
  missing: "learned",
  categories: "learned",
  lossMax: 0.5,
});
describeTrainer("RANDOM_FOREST", {
  trainer: trainerOf("RANDOM_FOREST"),
  parameters: { n_estimators: 30, min_samples_leaf: 2 },
  missing: "learned",
  categories: "learned",
  lossMax: 0.5,
});
for (const method of ["weighted", "stacking"])
  describeTrainer(`ENSEMBLE, ${method}`, {
    trainer: trainerOf("ENSEMBLE"),
    parameters: {
      method,
      members: [
        { model_type: "LINEAR", parameters: { fit_intercept: false } },
        { model_type: "LINEAR" },
        { model_type: "LINEAR", parameters: { fit_intercept: false, tol: 0.01 } },
      ],
      folds: 3,
    },
    missing: /amount: a value is missing.*imputer/,
    categories: /color: it is a category.*one_hot_encoder/,
    lossMax: 0.5,
  });

describeTrainer("ENSEMBLE of trees", {
  trainer: trainerOf("ENSEMBLE"),
  parameters: {
    members: [
      {
        model_type: "GRADIENT_BOOSTING",
        parameters: { n_estimators: 10, num_leaves: 15, min_data_in_leaf: 5 },
      },
      { model_type: "RANDOM_FOREST", parameters: { n_estimators: 10, min_samples_leaf: 5 } },
      { model_type: "RANDOM_FOREST", parameters: { n_estimators: 10, min_samples_leaf: 5 } },
    ],
    folds: 3,
  },
  missing: "learned",
  categories: "learned",
  lossMax: 0.6,
});
