/**
 * The trainers whose fits other processes do: to search, gate and registration one like the others.
 *
 *     sets → .npy files → fit (elsewhere) → ONNX → inspected, loaded and tried as it will be served → TrainedModel
 *
 * Parameters go through as they are: the other process knows them. Invariant: nothing is predicted but by the serving runtime.
 */
import { z } from "zod";
import { EngineError, messageOf } from "../../../engine/core/errors.ts";
import { EXTERNAL_TYPES, type ExternalType } from "../../../engine/core/fit-task.ts";
import { rowsOf, type TrainingSet } from "../../../engine/core/training-set.ts";
import type { TrainedModel, Trainer } from "../trainer.ts";
import type { RegisteredTrainer } from "../trainers.ts";
import { checkNumbers, checkRows } from "../training-checks.ts";
import type { Fit, FitRows, Fitted } from "./fit.ts";
import { npyOfColumns, npyOfValues } from "./npy.ts";
import { predictServed } from "./served-predictions.ts";

const PARAMETERS_LENGTH_MAX = 64 * 1024;
/** Training rows that a model must answer before it counts as one. */
const TRIED_ROWS_MAX = 256;

type Parameters = Readonly<Record<string, unknown>>;

const parameters = z
  .record(z.string().min(1).max(64), z.json())
  .refine(
    (given) => JSON.stringify(given).length <= PARAMETERS_LENGTH_MAX,
    `at most ${PARAMETERS_LENGTH_MAX} characters as JSON`,
  );

/** One per external model type. Trees take NaN and codes of categories; most of scikit-learn takes neither. */
export function externalTrainers(fit: Fit): ReadonlyMap<ExternalType, RegisteredTrainer> {
  return new Map(
    EXTERNAL_TYPES.map((type) => [
      type,
      {
        trainer: externalTrainer(type, fit),
        takes: type === "SCIKIT_LEARN" ? "numbers" : "anything",
        background: "rows" as const,
      },
    ]),
  );
}

function externalTrainer(type: ExternalType, fit: Fit): Trainer<unknown> {
  return {
    parameters,
    tasks: ["binary", "multiclass", "regression"],
    warmStarts: [],
    train: async ({ task, training, validation, parameters: given, seed, onIteration }) => {
      checkRows(training, task);
      if (type === "SCIKIT_LEARN") checkNumbers(training.columns, type);
      const columns = training.columns.map(({ values: _values, ...column }) => column);
      const question = {
        type,
        task,
        columns,
        parameters: given as Parameters,
        seed,
        training: toRows(training),
        ...(validation === undefined ? {} : { validation: toRows(validation) }),
      };
      const fitted = await fit(question, onIteration ?? (() => "continue"));
      const shares = sharesOf(fitted.importances, columns.length);
      const model = toTrained(fitted, shares, async (of, rows) => predictServed(fitted, task, of, rows));
      await tryOn(model, training);
      return model;
    },
  };
}

function toRows({ rows, columns, targets, weights }: TrainingSet): FitRows {
  const values = columns.map((column) => column.values);
  return {
    rows,
    features: npyOfColumns(values, rows),
    targets: npyOfValues(targets),
    ...(weights === undefined ? {} : { weights: npyOfValues(weights) }),
  };
}

function toTrained(
  { onnx, inputTensor, output, iterations }: Fitted,
  importances: Float64Array | undefined,
  predict: TrainedModel["predict"],
): TrainedModel {
  return {
    iterations,
    ...(importances === undefined ? {} : { importances }),
    predict,
    export: async () => ({
      runtime: "onnx",
      files: new Map([["model.onnx", onnx]]),
      inputTensor,
      output,
    }),
  };
}

/** Summing to 1; all the same when none matters. @throws EngineError TRAINING_FAILED unless there is one a column. */
function sharesOf(importances: readonly number[] | undefined, columns: number): Float64Array | undefined {
  if (importances === undefined) return undefined;
  if (importances.length !== columns)
    throw brokenModel(`it has ${importances.length} importances for ${columns} columns`);
  const sum = importances.reduce((total, value) => total + value, 0);
  return Float64Array.from(importances, (value) => (sum > 0 ? value / sum : 1 / columns));
}

/** @throws EngineError TRAINING_FAILED for a model that serving would refuse, or that answers no finite numbers. */
async function tryOn(model: TrainedModel, training: TrainingSet): Promise<void> {
  const count = Math.min(training.rows, TRIED_ROWS_MAX);
  const some = rowsOf(
    training,
    Uint32Array.from({ length: count }, (_, row) => row),
  );
  let predictions: Float64Array;
  try {
    predictions = await model.predict(some.columns, count);
  } catch (error) {
    throw brokenModel(messageOf(error), error);
  }
  const wrong = predictions.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0) throw brokenModel(`it answers ${predictions[wrong]} for a training row`);
}

function brokenModel(problem: string, cause?: unknown): EngineError {
  const message = `the external trainer's model cannot be served: ${problem}. Mend what the trainer exports.`;
  return new EngineError("TRAINING_FAILED", message, cause === undefined ? {} : { cause });
}
