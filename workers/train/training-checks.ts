/**
 * What rows must be to be learned from, whatever the trainer; and the refusals of those that take numbers only. Every refusal
 * is an INVALID_REQUEST that names the field or column and the remedy.
 */
import { EngineError } from "../../engine/core/errors.ts";
import type { TrainingColumn, TrainingSet, TrainingTask } from "../../engine/core/training-set.ts";
import type { ExportedModel } from "./trainer.ts";

export function trainingInvalid(field: string, message: string, cause?: unknown): EngineError {
  return new EngineError("INVALID_REQUEST", `${field}: ${message}`, {
    details: [{ field, message }],
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * @throws EngineError INVALID_REQUEST: no rows, no columns, targets that do not fit the task or are all the same, weights that are not
 * positive.
 */
export function checkRows(set: TrainingSet, task: TrainingTask): void {
  if (set.rows === 0)
    throw trainingInvalid("rows", "there are none. Choose a period or a filter that has labelled rows.");
  if (set.columns.length === 0) throw trainingInvalid("columns", "there are none. Select at least one.");
  checkTargets(set.targets, task);
  const wrong = set.weights?.find((weight) => !(weight > 0 && weight < Number.POSITIVE_INFINITY));
  if (wrong !== undefined)
    throw trainingInvalid(
      "weights",
      `${wrong} is no weight. Give positive numbers, and leave out rows that shall not count.`,
    );
}

function checkTargets(targets: Float64Array, task: TrainingTask): void {
  const isClass = task.kind !== "regression";
  const fits = (target: number): boolean =>
    isClass ? Number.isInteger(target) && target >= 0 && target < task.classes : Number.isFinite(target);
  const wrong = targets.find((target) => !fits(target));
  if (wrong !== undefined) {
    const needed = isClass ? `one of the ${task.classes} classes (0, 1, …)` : "a finite number";
    throw trainingInvalid("targets", `${wrong} is not ${needed}. Leave such rows out, or mend their labels.`);
  }
  const [first] = targets;
  if (targets.every((target) => target === first))
    throw trainingInvalid(
      "targets",
      `all ${targets.length} rows have the ${isClass ? "class" : "value"} ${first}, so there is nothing to learn. ` +
        "Choose a longer period or another filter.",
    );
}

/** For trainers of sums and products. @throws EngineError INVALID_REQUEST naming the column */
export function checkNumbers(columns: readonly TrainingColumn[], modelType: string): void {
  for (const { name, values, categories } of columns) {
    if (categories !== undefined)
      throw trainingInvalid(
        name,
        `it is a category, and ${modelType} takes numbers. Add a one_hot_encoder step to the preprocessing.`,
      );
    const wrong = values.find((value) => !Number.isFinite(value));
    if (wrong !== undefined)
      throw trainingInvalid(
        name,
        Number.isNaN(wrong)
          ? `a value is missing, and ${modelType} takes none that are. Add an imputer step to the preprocessing.`
          : `${wrong} is no finite number. Leave such rows out, or clip the values.`,
      );
  }
}

/** The one file of an ONNX model to go on from. @throws EngineError INVALID_REQUEST */
export function initialOnnx({ runtime, files }: ExportedModel): Uint8Array {
  const bytes = files.get("model.onnx");
  if (runtime === "onnx" && bytes !== undefined) return bytes;
  throw trainingInvalid(
    "initial",
    "it is no ONNX model, so it is of another type. Train with mode FULL_RETRAIN.",
  );
}
