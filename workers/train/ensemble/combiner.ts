/**
 * What an ensemble makes of its members' predictions: their weighted mean, or a linear model that is trained on them (stacking).
 * Either is a linear model over columns that are predictions.
 */
import {
  predictionWidth,
  type TrainingColumn,
  type TrainingSet,
  type TrainingTask,
} from "../../../engine/core/training-set.ts";
import { type LinearModel, predictLinear, toOnnx } from "../linear/linear-model.ts";
import type { LinearParameters } from "../linear/linear-parameters.ts";
import { linearTrainer } from "../linear/linear-trainer.ts";
import type { OnnxModel } from "../onnx/onnx-model.ts";
import { decodeOnnx } from "../onnx/onnx-reader.ts";
import { initialOnnx } from "../training-checks.ts";
import { greedyWeights } from "./greedy-weights.ts";

export interface Combiner {
  readonly graph: OnnxModel;
  predict(members: readonly Float64Array[], rows: number): Promise<Float64Array>;
}

export interface CombinerOptions {
  readonly method: "weighted" | "stacking";
  /** Of the linear model, for stacking. */
  readonly finalEstimator: LinearParameters;
  readonly seed: number;
}

/** @param members what each predicts for the rows of `set`, which it has not learned from */
export async function fitCombiner(
  members: readonly Float64Array[],
  set: TrainingSet,
  task: TrainingTask,
  { method, finalEstimator: parameters, seed }: CombinerOptions,
): Promise<Combiner> {
  if (method === "weighted") {
    const model = weightedMean(greedyWeights(members, set, task), task);
    return {
      graph: toOnnx(model),
      predict: async (own, rows) => predictLinear(model, toColumns(own, rows), rows),
    };
  }
  const training = { ...set, columns: toColumns(members, set.rows) };
  const model = await linearTrainer.train({ task, training, parameters, seed });
  return {
    graph: decodeOnnx(initialOnnx(await model.export())),
    predict: (own, rows) => model.predict(toColumns(own, rows), rows),
  };
}

/** As the ensemble's graph has them: members side by side, each with all its numbers, in float32. */
function toColumns(members: readonly Float64Array[], rows: number): TrainingColumn[] {
  return members.flatMap((own, member) => {
    const width = rows === 0 ? 1 : own.length / rows;
    return Array.from({ length: width }, (_, place) => ({
      name: `member${member}.${place}`,
      values: Float32Array.from({ length: rows }, (_, row) => own[row * width + place] as number),
    }));
  });
}

function weightedMean(weights: Float64Array, task: TrainingTask): LinearModel {
  const width = predictionWidth(task);
  const coefficients = Array.from({ length: width }, (_, output) =>
    Float64Array.from({ length: weights.length * width }, (_, column) =>
      column % width === output ? (weights[Math.floor(column / width)] as number) : 0,
    ),
  );
  return { task, link: "identity", coefficients, intercepts: new Float64Array(width) };
}
