/**
 * What is searched for by model type when nobody says: parameters that matter most, over the range in which they do, by the names of the
 * trainer; and what is held fixed meanwhile. Ranges follow the usual advice (LightGBM's and scikit-learn's guides, Probst et al. 2019).
 */

import type { SearchParameter, SearchSpace } from "../../../engine/core/training-search.ts";
import type { TrainingTask } from "../../../engine/core/training-set.ts";

export interface DefaultSearch {
  readonly space: SearchSpace;
  readonly fixed: Readonly<Record<string, unknown>>;
}

const PENALTY = logarithm(1e-4, 1e4);

const NETWORK = {
  learning_rate: logarithm(1e-4, 3e-2),
  batch_size: { type: "categorical", choices: [32, 64, 128, 256] },
  dropout: between(0, 0.5),
  l2: logarithm(1e-7, 1e-2),
} as const satisfies SearchSpace;

/** Undefined for a model type that has none, such as ensembles: their members have. */
export function defaultSearch(modelType: string, kind: TrainingTask["kind"]): DefaultSearch | undefined {
  switch (modelType) {
    case "GRADIENT_BOOSTING":
    case "LIGHTGBM": // whose names ours are
      return {
        space: {
          learning_rate: logarithm(0.01, 0.3),
          num_leaves: whole(4, 255),
          min_data_in_leaf: whole(5, 200),
          lambda_l2: logarithm(1e-3, 100),
          feature_fraction: between(0.4, 1),
          bagging_fraction: between(0.5, 1),
        },
        // validation rows say how many trees
        fixed: { n_estimators: 500, early_stopping_rounds: 25, bagging_freq: 1 },
      };
    case "RANDOM_FOREST":
      return {
        space: { max_depth: whole(3, 30), min_samples_leaf: whole(1, 50), max_features: between(0.1, 1) },
        fixed: { n_estimators: 100 },
      };
    case "LINEAR":
      return { space: kind === "regression" ? { alpha: PENALTY } : { C: PENALTY }, fixed: {} };
    case "NEURAL_NETWORK": {
      const layers = [[32], [64], [128], [64, 32], [128, 64], [256, 128]];
      return {
        space: { ...NETWORK, hidden_units: { type: "categorical", choices: layers } },
        fixed: { epochs: 50, patience: 5 },
      };
    }
    case "LSTM":
      return { space: { ...NETWORK, units: whole(8, 128) }, fixed: { epochs: 50, patience: 5 } };
    default:
      return undefined;
  }
}

function logarithm(low: number, high: number): SearchParameter {
  return { type: "float", low, high, log: true };
}

function between(low: number, high: number): SearchParameter {
  return { type: "float", low, high, log: false };
}

/** Integers, whose logarithm is what is spread evenly. */
function whole(low: number, high: number): SearchParameter {
  return { type: "int", low, high, log: true, step: 1 };
}
