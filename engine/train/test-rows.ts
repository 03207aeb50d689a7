/**
 * Targets and what a trained model predicts for them, as metrics take them. Of two classes the second is predicted from a half on, unless told.
 */
import { predictionWidth, type TrainingTask } from "../core/training-set.ts";
import { type LabelledRows, predictAt } from "../monitor/performance/labelled-rows.ts";

const THRESHOLD = 0.5;

/**
 * @param predictions `rows × predictionWidth(task)`, row by row.
 * @param threshold from which probability the second of two classes is predicted.
 */
export function toLabelledRows(
  task: TrainingTask,
  targets: Float64Array,
  predictions: Float64Array,
  threshold = THRESHOLD,
): LabelledRows {
  if (task.kind === "regression") return { kind: "regression", predicted: predictions, labels: targets };
  if (task.kind === "binary") {
    const predicted = predictAt(predictions, threshold);
    return { kind: "binary", scores: predictions, predicted, labels: Uint8Array.from(targets) };
  }
  const classes = predictionWidth(task);
  const predicted = Uint16Array.from(targets, (_, row) => {
    const own = predictions.subarray(row * classes, (row + 1) * classes);
    return own.indexOf(Math.max(...own));
  });
  return {
    kind: "multiclass",
    classes,
    probabilities: predictions,
    predicted,
    labels: Uint16Array.from(targets),
  };
}
