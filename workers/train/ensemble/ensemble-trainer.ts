/**
 * ENSEMBLE: members of other types, combined by weights or by a linear model (stacking), exported as one ONNX graph.
 *
 *     folds → each member on all but one → predictions of rows it has not seen → combiner;   each member on all rows → graph
 *
 * The combiner is fitted on such out-of-fold predictions of the training rows, so validation rows stay unseen. ENSEMBLE_UPDATE
 * keeps the members of the model that it goes on from and fits the combiner anew on the rows given, which they have not seen.
 */
import {
  predictionWidth,
  rowsOf,
  type TrainingColumn,
  type TrainingTask,
} from "../../../engine/core/training-set.ts";
import { FEATURES, outputOf } from "../model-ports.ts";
import { encodeOnnx } from "../onnx/onnx-writer.ts";
import type { TrainedModel, Trainer, TrainerRun } from "../trainer.ts";
import { checkRows, trainingInvalid } from "../training-checks.ts";
import { type Combiner, fitCombiner } from "./combiner.ts";
import {
  ensembleGraph,
  type Member,
  type MembersGraph,
  membersGraph,
  runMembers,
  splitEnsemble,
} from "./ensemble-graph.ts";
import { type EnsembleParameters, ensembleParameters } from "./ensemble-parameters.ts";
import { type Fold, foldsOf } from "./folds.ts";

/** Trainers by model type; those of members export to ONNX. */
export type MemberTrainers = Readonly<Record<string, Trainer<unknown>>>;

export function createEnsembleTrainer(trainers: MemberTrainers): Trainer<EnsembleParameters> {
  return {
    parameters: ensembleParameters(
      Object.fromEntries(Object.entries(trainers).map(([type, { parameters }]) => [type, parameters])),
    ),
    tasks: ["binary", "multiclass", "regression"],
    warmStarts: ["ENSEMBLE_UPDATE"],
    async train(run) {
      checkRows(run.training, run.task);
      return run.initial === undefined ? trainEnsemble(run, trainers) : updateEnsemble(run);
    },
  };
}

async function trainEnsemble(
  run: TrainerRun<EnsembleParameters>,
  trainers: MemberTrainers,
): Promise<TrainedModel> {
  const { task, training, parameters, onIteration } = run;
  const folds = foldsOf(training, task, parameters.folds);
  const members: (Member & { readonly model: TrainedModel })[] = [];
  const unseen: Float64Array[] = [];
  for (const [index, { model_type: modelType }] of parameters.members.entries()) {
    const trainer = trainers[modelType] as Trainer<unknown>;
    unseen.push(await outOfFold(run, index, trainer, folds));
    const model = await memberOf(run, index, trainer);
    members.push({ modelType, model, exported: await model.export() });
    const answer = onIteration?.({ iteration: index + 1, iterationsMax: parameters.members.length });
    if (answer === "stop") break;
  }
  const combiner = await combinerFor(run, unseen);
  const predictMembers: PredictMembers = (columns, rows) =>
    Promise.all(members.map(({ model }) => model.predict(columns, rows)));
  const graph = membersGraph(members, task, training.columns.length);
  return trainedEnsemble(task, graph, combiner, predictMembers, members.length);
}

/**
 * A member trained on all rows, or on those at `rows`.
 * @throws EngineError INVALID_REQUEST for a task that its trainer has not, and what that throws.
 */
async function memberOf(
  { task, training, validation, parameters, seed }: TrainerRun<EnsembleParameters>,
  index: number,
  trainer: Trainer<unknown>,
  rows?: Uint32Array,
): Promise<TrainedModel> {
  const member = parameters.members[index];
  if (!trainer.tasks.includes(task.kind))
    throw trainingInvalid(
      `members.${index}.model_type`,
      `${member?.model_type} is not for ${task.kind} tasks. Leave it out.`,
    );
  return trainer.train({
    task,
    training: rows === undefined ? training : rowsOf(training, rows),
    parameters: trainer.parameters.parse(member?.parameters),
    seed: (seed + index) | 0,
    ...(validation === undefined ? {} : { validation }),
  });
}

async function outOfFold(
  run: TrainerRun<EnsembleParameters>,
  index: number,
  trainer: Trainer<unknown>,
  folds: readonly Fold[],
): Promise<Float64Array> {
  const width = predictionWidth(run.task);
  const predictions = new Float64Array(run.training.rows * width);
  for (const { inside, outside } of folds) {
    const model = await memberOf(run, index, trainer, inside);
    const own = await model.predict(rowsOf(run.training, outside).columns, outside.length);
    for (const [place, row] of outside.entries())
      predictions.set(own.subarray(place * width, (place + 1) * width), row * width);
  }
  return predictions;
}

function combinerFor(
  { training, task, parameters, seed }: TrainerRun<EnsembleParameters>,
  members: readonly Float64Array[],
): Promise<Combiner> {
  const { method, final_estimator: finalEstimator } = parameters;
  return fitCombiner(members, training, task, { method, finalEstimator, seed });
}

async function updateEnsemble(run: TrainerRun<EnsembleParameters>): Promise<TrainedModel> {
  const { task, training, parameters, initial, onIteration } = run;
  const graph = initial === undefined ? undefined : splitEnsemble(initial, task, training.columns.length);
  const modelTypes = parameters.members.map(({ model_type }) => model_type).join(", ");
  if (graph === undefined || graph.modelTypes.join(", ") !== modelTypes)
    throw trainingInvalid(
      "initial",
      `it is no ensemble of ${modelTypes} over ${training.columns.length} columns for this task. Train with mode FULL_RETRAIN.`,
    );
  const predictMembers: PredictMembers = (columns, rows) => runMembers(graph, columns, rows);
  const combiner = await combinerFor(run, await predictMembers(training.columns, training.rows));
  onIteration?.({ iteration: 1, iterationsMax: 1 });
  return trainedEnsemble(task, graph, combiner, predictMembers, 1);
}

type PredictMembers = (columns: readonly TrainingColumn[], rows: number) => Promise<Float64Array[]>;

function trainedEnsemble(
  task: TrainingTask,
  members: MembersGraph,
  combiner: Combiner,
  predictMembers: PredictMembers,
  iterations: number,
): TrainedModel {
  const { name, type } = outputOf(task);
  const files = new Map([["model.onnx", encodeOnnx(ensembleGraph(members, combiner.graph, task))]]);
  return {
    iterations,
    predict: async (columns, rows) => combiner.predict(await predictMembers(columns, rows), rows),
    export: async () => ({ runtime: "onnx", files, inputTensor: FEATURES, output: { name, type } }),
  };
}
