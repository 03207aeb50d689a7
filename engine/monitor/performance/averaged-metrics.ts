/**
 * Precision, recall and F1 of several classes, averaged over them (macro), or weighted by their rows, as scikit-learn
 * does: over the classes that occur as label or prediction, and 0 where a class's own value is undefined.
 *
 * Intervals by the delta method (Takahashi et al. 2022 for F1): the average is a smooth function of the shares of the
 * cells of the confusion matrix, whose covariance is the multinomial's.
 */
import type { ConfusionMatrix } from "./confusion-matrix.ts";
import { normalInterval } from "./intervals.ts";
import { known, type MetricValue, unknownFor } from "./metric-value.ts";

/** A class's metric and its derivatives by the shares of hits, of rows of that label, and of that prediction. */
interface ClassValue {
  readonly value: number;
  readonly byHits: number;
  readonly byLabels: number;
  readonly byPredictions: number;
}

type ClassMetric = (hits: number, labels: number, predictions: number) => ClassValue;

const UNDEFINED: ClassValue = { value: 0, byHits: 0, byLabels: 0, byPredictions: 0 };

const CLASS_METRICS = {
  precision: (hits, _labels, predictions) =>
    predictions === 0
      ? UNDEFINED
      : {
          value: hits / predictions,
          byHits: 1 / predictions,
          byLabels: 0,
          byPredictions: -hits / predictions ** 2,
        },
  recall: (hits, labels) =>
    labels === 0
      ? UNDEFINED
      : { value: hits / labels, byHits: 1 / labels, byLabels: -hits / labels ** 2, byPredictions: 0 },
  f1: (hits, labels, predictions) => {
    const both = labels + predictions;
    const slope = (-2 * hits) / both ** 2;
    return { value: (2 * hits) / both, byHits: 2 / both, byLabels: slope, byPredictions: slope };
  },
} as const satisfies Record<string, ClassMetric>;

/** All of them. */
export function averagedMetrics(matrix: ConfusionMatrix, confidence: number) {
  const averaged = (metric: keyof typeof CLASS_METRICS, average: "macro" | "weighted"): MetricValue =>
    averagedMetric(matrix, metric, average, confidence);
  return {
    precision_macro: averaged("precision", "macro"),
    recall_macro: averaged("recall", "macro"),
    f1_macro: averaged("f1", "macro"),
    precision_weighted: averaged("precision", "weighted"),
    recall_weighted: averaged("recall", "weighted"),
    f1_weighted: averaged("f1", "weighted"),
  };
}

function averagedMetric(
  matrix: ConfusionMatrix,
  metric: keyof typeof CLASS_METRICS,
  average: "macro" | "weighted",
  confidence: number,
): MetricValue {
  if (matrix.rows === 0) return unknownFor("there are no rows");
  const { hits, labels, predictions } = sharesOf(matrix);
  const present = Array.from(labels.keys()).filter(
    (index) => (labels[index] as number) + (predictions[index] as number) > 0,
  );
  const classes = new Map(
    present.map((index) => {
      const own = [hits[index], labels[index], predictions[index]] as [number, number, number];
      const weight = average === "macro" ? 1 / present.length : own[1];
      return [index, { ...CLASS_METRICS[metric](...own), weight }];
    }),
  );
  let value = 0;
  for (const one of classes.values()) value += one.weight * one.value;
  // how the average moves with the share of one cell
  const slopeOf = (label: number, prediction: number): number => {
    const ofLabel = classes.get(label) as ClassValue & { weight: number };
    const ofPrediction = classes.get(prediction) as ClassValue & { weight: number };
    return (
      (average === "weighted" ? ofLabel.value : 0) +
      (label === prediction ? ofLabel.weight * ofLabel.byHits : 0) +
      ofLabel.weight * ofLabel.byLabels +
      ofPrediction.weight * ofPrediction.byPredictions
    );
  };
  const error = deltaError(matrix, slopeOf);
  return known(value, normalInterval(value, error, confidence, { low: 0, high: 1 }));
}

function sharesOf({ classes, rows, counts }: ConfusionMatrix) {
  const hits = new Float64Array(classes);
  const labels = new Float64Array(classes);
  const predictions = new Float64Array(classes);
  for (let label = 0; label < classes; label += 1) {
    hits[label] = (counts[label * (classes + 1)] as number) / rows;
    for (let prediction = 0; prediction < classes; prediction += 1) {
      const share = (counts[label * classes + prediction] as number) / rows;
      labels[label] = (labels[label] as number) + share;
      predictions[prediction] = (predictions[prediction] as number) + share;
    }
  }
  return { hits, labels, predictions };
}

/** Standard error of a function of the cells' shares: that of the mean of its slope over the rows. */
function deltaError(
  { classes, rows, counts }: ConfusionMatrix,
  slopeOf: (label: number, prediction: number) => number,
): number {
  let mean = 0;
  let squares = 0;
  for (let cell = 0; cell < counts.length; cell += 1) {
    const share = (counts[cell] as number) / rows;
    if (share === 0) continue;
    const slope = slopeOf(Math.floor(cell / classes), cell % classes);
    mean += share * slope;
    squares += share * slope * slope;
  }
  return Math.sqrt(Math.max(0, squares - mean * mean) / rows);
}
