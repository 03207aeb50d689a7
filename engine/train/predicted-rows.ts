/**
 * Targets and what a model predicts for them, as metrics take them.
 */
import { predictionWidth, type TrainingTask } from "../core/training-set.ts";
import { type LabelledRows, predictAt } from "../monitor/performance/labelled-rows.ts";

/** Unless told. */
const THRESHOLD = 0.5;

/**
 * @param predictions `rows × predictionWidth(task)`, row by row.
 * @param threshold from which probability the second of two classes is predicted.
 */
export function predictedRows(
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
    let best = 0;
    for (let label = 1; label < classes; label++)
      if ((predictions[row * classes + label] as number) > (predictions[row * classes + best] as number))
        best = label;
    return best;
  });
  return {
    kind: "multiclass",
    classes,
    probabilities: predictions,
    predicted,
    labels: Uint16Array.from(targets),
  };
}
