/**
 * LINEAR: logistic regression (two classes, or more by softmax) and ridge regression, as scikit-learn defines them. Columns are
 * scaled inside, so that the solvers work well on any; the penalty is that of the coefficients as they are.
 *
 * Going on from a model (INCREMENTAL) draws the coefficients to that model's instead of to zero: few new rows move them a
 * little, many move them as far as a new model's would be.
 */
import { predictionWidth, type TrainingSet, type TrainingTask } from "../../../engine/core/training-set.ts";
import { scaleOf, weightOf } from "../column-scale.ts";
import { FEATURES, outputOf } from "../model-ports.ts";
import { decodeOnnx } from "../onnx/onnx-reader.ts";
import { encodeOnnx } from "../onnx/onnx-writer.ts";
import type { ExportedModel, TrainedModel, Trainer, TrainerRun } from "../trainer.ts";
import { checkNumbers, checkRows, initialOnnx, trainingInvalid } from "../training-checks.ts";
import { minimize } from "./lbfgs.ts";
import { fromOnnx, type LinearModel, type Link, predictLinear, toOnnx } from "./linear-model.ts";
import { linearObjective, meanLoss } from "./linear-objective.ts";
import { type LinearParameters, linearParameters } from "./linear-parameters.ts";
import { solveRidge } from "./ridge.ts";

/** With more columns, ridge regression is minimised by L-BFGS: the closed form takes rows × columns² steps. */
const CLOSED_FORM_COLUMNS_MAX = 500;

export const linearTrainer: Trainer<LinearParameters> = {
  parameters: linearParameters,
  tasks: ["binary", "multiclass", "regression"],
  warmStarts: ["INCREMENTAL"],
  async train(run) {
    checkRows(run.training, run.task);
    for (const set of [run.training, run.validation]) checkNumbers(set?.columns ?? [], "LINEAR");
    checkClasses(run.training, run.task);
    checkPenalty(run);
    const start = startOf(run);
    const { model, iterations } =
      run.task.kind === "regression" && run.training.columns.length <= CLOSED_FORM_COLUMNS_MAX
        ? closedForm(run, start)
        : descended(run, start);
    return trainedModel(model, iterations, run.training);
  },
};

/** Its coefficients would grow without bound. */
function checkClasses({ targets }: TrainingSet, task: TrainingTask): void {
  if (task.kind === "regression") return;
  const seen = new Set(targets);
  for (let index = 0; index < task.classes; index++)
    if (!seen.has(index))
      throw trainingInvalid(
        "targets",
        `class ${index} has no row. Choose a longer period, or leave the class out.`,
      );
}

function checkPenalty({ task, parameters: { C, alpha } }: TrainerRun<LinearParameters>): void {
  if (task.kind === "regression" && C !== undefined)
    throw trainingInvalid("C", "it is for classifiers. Set alpha for a regression.");
  if (task.kind !== "regression" && alpha !== undefined)
    throw trainingInvalid("alpha", "it is for regressions. Set C for a classifier.");
}

function startOf({ task, training, initial }: TrainerRun<LinearParameters>): LinearModel {
  const link: Link = ({ binary: "sigmoid", multiclass: "softmax", regression: "identity" } as const)[
    task.kind
  ];
  const columns = training.columns.length;
  if (initial !== undefined) {
    const model = fromOnnx(decodeOnnx(initialOnnx(initial)), task, link, columns);
    if (model !== undefined) return model;
    throw trainingInvalid(
      "initial",
      `it is no linear model of ${columns} columns for this task. Train with mode FULL_RETRAIN.`,
    );
  }
  const outputs = predictionWidth(task);
  const coefficients = Array.from({ length: outputs }, () => new Float64Array(columns));
  return { task, link, coefficients, intercepts: new Float64Array(outputs) };
}

interface Result {
  readonly model: LinearModel;
  readonly iterations: number;
}

function closedForm(run: TrainerRun<LinearParameters>, start: LinearModel): Result {
  const { alpha = 1, fit_intercept } = run.parameters;
  const model = solveRidge(run.training, alpha, fit_intercept, start);
  run.onIteration?.({
    iteration: 1,
    iterationsMax: 1,
    trainingLoss: meanLoss(model, run.training),
    ...validationLoss(run, model),
  });
  return { model, iterations: 1 };
}

function descended(run: TrainerRun<LinearParameters>, start: LinearModel): Result {
  const { task, training, parameters, onIteration } = run;
  const { C = 1, alpha = 1, max_iter: iterationsMax, tol, fit_intercept: fitIntercept } = parameters;
  const total = weightOf(training.rows, training.weights);
  const penalty = task.kind === "regression" ? (2 * alpha) / total : 1 / (C * total);
  const objective = linearObjective({ set: training, task, penalty, fitIntercept, start });
  const u = objective.start;
  const iterations = minimize(objective.value, u, {
    iterationsMax,
    tolerance: tol * (task.kind === "regression" ? deviationOf(training) : 1),
    onIteration: (iteration, trainingLoss, at) =>
      onIteration?.({
        iteration,
        iterationsMax,
        trainingLoss,
        ...validationLoss(run, objective.modelAt(at)),
      }) ?? "continue",
  });
  const model = objective.modelAt(u);
  return { model, iterations };
}

function deviationOf({ rows, targets }: TrainingSet): number {
  const mean = targets.reduce((sum, target) => sum + target, 0) / rows;
  return Math.sqrt(targets.reduce((sum, target) => sum + (target - mean) ** 2, 0) / rows);
}

function validationLoss(
  { validation }: TrainerRun<LinearParameters>,
  model: LinearModel,
): { validationLoss?: number } {
  return validation === undefined || validation.rows === 0
    ? {}
    : { validationLoss: meanLoss(model, validation) };
}

function trainedModel(model: LinearModel, iterations: number, training: TrainingSet): TrainedModel {
  const shares = importancesOf(model, training);
  return {
    iterations,
    ...(shares === undefined ? {} : { importances: shares }),
    predict: async (columns, rows) => predictLinear(model, columns, rows),
    export: async () => exportLinear(model),
  };
}

export function exportLinear(model: LinearModel): ExportedModel {
  const { name, type } = outputOf(model.task);
  const files = new Map([["model.onnx", encodeOnnx(toOnnx(model))]]);
  return { runtime: "onnx", files, inputTensor: FEATURES, output: { name, type } };
}

/** Shares in the absolute standardized weights; undefined when all are 0. */
function importancesOf({ coefficients }: LinearModel, training: TrainingSet): Float64Array | undefined {
  const { deviations } = scaleOf(training, true);
  const sizes = deviations.map((deviation, column) =>
    coefficients.reduce((sum, weights) => sum + Math.abs(weights[column] as number) * deviation, 0),
  );
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return total > 0 ? sizes.map((size) => size / total) : undefined;
}
