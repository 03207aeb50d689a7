/**
 * What a trainer of a model type must do: one contract, proved for each by test/conformance/trainer.
 *
 *     parameters → train(run) → TrainedModel → predict · export
 *
 * Trainers run in a process that is killed to cancel them: they need not look for it. Invariants: the same run gives the same files
 * to the last byte; the exported model gives what `predict` gives to 1e-5; no trainer reads the clock or any randomness but its seed.
 * A trainer never reads the validation rows except to report a loss and to stop early.
 */
import type { z } from "zod";
import type { TrainingSet, TrainingTask } from "../../engine/core/training-set.ts";

/** The files of a model folder beside model.json, and what model.json must say of them. */
export interface ExportedModel {
  readonly runtime: "onnx" | "tfjs";
  /** By path: `model.onnx`, or those of TensorFlow.js. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Name of the [rows, columns] float32 tensor. */
  readonly inputTensor: string;
  /** `probabilities` [rows, classes] for classifiers, `value` [rows, 1] for regressions. */
  readonly output: { readonly name: string; readonly type: "probabilities" | "value" };
}

/** How far training is: after each tree, epoch or pass. Losses are those that the trainer minimises (mean per row). */
export interface Iteration {
  /** From 1. */
  readonly iteration: number;
  readonly iterationsMax: number;
  readonly trainingLoss?: number;
  /** On the validation rows, when there are any. */
  readonly validationLoss?: number;
}

export interface TrainerRun<Parameters> {
  readonly task: TrainingTask;
  readonly training: TrainingSet;
  /** For early stopping and reported losses. */
  readonly validation?: TrainingSet;
  readonly parameters: Parameters;
  /** An integer of 32 bits, from which all randomness comes. */
  readonly seed: number;
  /** The model to go on from, with the same columns. */
  readonly initial?: ExportedModel;
  /** How; the first of `warmStarts` when absent. */
  readonly warmStart?: WarmStart;
  /** Hears every iteration; "stop" ends training with the model as it is now. */
  readonly onIteration?: (iteration: Iteration) => "continue" | "stop";
}

export interface TrainedModel {
  /** Iterations that the model holds (the best ones, after early stopping). */
  readonly iterations: number;
  /** Each column's share in the gain (or in the absolute standardized weight), summing to 1; absent where the type has none. */
  readonly importances?: Float64Array;
  /** `rows × predictionWidth(task)`, row-major: P(second class), P of each class, or the value. */
  predict(columns: TrainingSet["columns"], rows: number): Promise<Float64Array>;
  export(): Promise<ExportedModel>;
}

/**
 * How a trainer can go on from a model that is there: on with all of it, with its lower layers kept and a new head, or with its
 * members kept and new weights for them.
 */
export type WarmStart = "INCREMENTAL" | "TRANSFER_LEARNING" | "ENSEMBLE_UPDATE";

export interface Trainer<Parameters> {
  /** All hyperparameters with bounds and defaults, by the names of the field (scikit-learn, LightGBM); strict. */
  readonly parameters: z.ZodType<Parameters>;
  readonly tasks: readonly TrainingTask["kind"][];
  readonly warmStarts: readonly WarmStart[];
  /**
   * @throws EngineError INVALID_REQUEST naming the parameter or column and the remedy: rows that cannot be learned from (none, one class, a
   * column without any value where the type needs one, a loss that is no number).
   */
  train(run: TrainerRun<Parameters>): Promise<TrainedModel>;
}
