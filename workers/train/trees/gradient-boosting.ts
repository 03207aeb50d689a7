/**
 * GRADIENT_BOOSTING: histogram gradient boosting with LightGBM's parameters and defaults (but for early stopping), for two classes, more, and values.
 *
 * Going on from a model (INCREMENTAL) reads its trees from its ONNX file and grows n_estimators more on the new rows.
 */
import { predictionWidth } from "../../../engine/core/training-set.ts";
import type { Trainer, TrainerRun } from "../trainer.ts";
import { trainingInvalid } from "../training-checks.ts";
import { type BoostingRules, boost } from "./boosting.ts";
import {
  type GradientBoostingParameters,
  gradientBoostingParameters,
} from "./gradient-boosting-parameters.ts";
import { objectiveOf } from "./objective.ts";
import { readEnsemble } from "./tree-ensemble-read.ts";
import { treeModel } from "./tree-model.ts";
import { checkTreeRows } from "./tree-rows.ts";

export const gradientBoosting: Trainer<GradientBoostingParameters> = {
  parameters: gradientBoostingParameters,
  tasks: ["binary", "multiclass", "regression"],
  warmStarts: ["INCREMENTAL"],
  async train(run) {
    const { task, training, validation, seed, initial, onIteration } = run;
    checkTreeRows(training, task);
    const objective = objectiveOf(task);
    const shape = { kind: "sum", columns: training.columns.length, width: predictionWidth(task) } as const;
    const ensemble = boost({
      objective,
      training,
      ...(validation === undefined || validation.rows === 0 ? {} : { validation }),
      rules: rulesOf(run),
      seed,
      ...(initial === undefined ? {} : { initial: readEnsemble(initial, shape) }),
      onIteration,
    });
    const link = ({ binary: "sigmoid", multiclass: "softmax", regression: "none" } as const)[task.kind];
    return treeModel(ensemble, task, link, objective.link);
  },
};

function rulesOf(run: TrainerRun<GradientBoostingParameters>): BoostingRules {
  const { parameters } = run;
  const monotoneColumns = monotoneOf(run);
  return {
    iterations: parameters.n_estimators,
    learningRate: parameters.learning_rate,
    numLeaves: parameters.num_leaves,
    maxDepth: parameters.max_depth === -1 ? Infinity : parameters.max_depth,
    minDataInLeaf: parameters.min_data_in_leaf,
    minSumHessian: parameters.min_sum_hessian_in_leaf,
    lambdaL2: parameters.lambda_l2,
    minGainToSplit: parameters.min_gain_to_split,
    featureFraction: parameters.feature_fraction,
    baggingFraction: parameters.bagging_fraction,
    baggingFreq: parameters.bagging_freq,
    maxBin: parameters.max_bin,
    earlyStoppingRounds: parameters.early_stopping_rounds,
    catSmooth: parameters.cat_smooth,
    catL2: parameters.cat_l2,
    maxCatThreshold: parameters.max_cat_threshold,
    maxCatToOnehot: parameters.max_cat_to_onehot,
    minDataPerGroup: parameters.min_data_per_group,
    ...(monotoneColumns === undefined ? {} : { monotoneColumns }),
  };
}

/** One sign a column; undefined when all are free. @throws EngineError INVALID_REQUEST naming the constraint */
function monotoneOf(run: TrainerRun<GradientBoostingParameters>): number[] | undefined {
  const { task, training, parameters } = run;
  const wanted = Object.entries(parameters.monotone_constraints).filter(([, sign]) => sign !== 0);
  if (wanted.length === 0) return undefined;
  for (const [name] of wanted) {
    const field = `monotone_constraints.${name}`;
    const column = training.columns.find((candidate) => candidate.name === name);
    if (column === undefined)
      throw trainingInvalid(field, "there is no such column. Name one of the model's columns.");
    if (column.categories !== undefined)
      throw trainingInvalid(field, "it is a category, whose codes have no order. Leave it out.");
  }
  if (task.kind === "multiclass")
    throw trainingInvalid(
      "monotone_constraints",
      "they are for two classes and for values: of more classes, not all can rise. Leave them out.",
    );
  const signs = new Map(wanted);
  return training.columns.map(({ name }) => signs.get(name) ?? 0);
}
