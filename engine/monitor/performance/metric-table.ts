/**
 * The one table of metrics of a model's quality: what they are called, which way is better, for which models they
 * are, and how their interval is made. Comparisons, JSON, docs and Prometheus read it.
 *
 * Names and definitions are scikit-learn's where it has the metric.
 */

export const MODEL_KINDS = ["binary", "multiclass", "regression"] as const;
/** `binary` has two classes, of which the last is the positive one; `multiclass` has more; `regression` has values. */
export type ModelKind = (typeof MODEL_KINDS)[number];

interface MetricMeaning {
  readonly title: string;
  readonly better: "higher" | "lower";
  readonly kinds: readonly ModelKind[];
  /** Range; null where there is no bound. */
  readonly low: number | null;
  readonly high: number | null;
  /** How the confidence interval is made. */
  readonly interval: string;
  readonly meaning: string;
}

const CLASSES = ["binary", "multiclass"] as const;
const SHARE = { better: "higher", low: 0, high: 1 } as const;
const LOSS = { better: "lower", low: 0, high: null } as const;
const MEAN = "normal, from the variance of the rows' losses";
const CONFUSION = "delta method over the confusion matrix";

export const METRICS = {
  roc_auc: {
    ...SHARE,
    title: "ROC AUC",
    kinds: ["binary"],
    interval: "DeLong; Wilson over the rarer class where all pairs are ordered alike",
    meaning: "chance that a positive row scores above a negative one; ties count half",
  },
  gini: {
    ...SHARE,
    title: "Gini",
    kinds: ["binary"],
    low: -1,
    interval: "that of ROC AUC",
    meaning: "2 ROC AUC - 1",
  },
  ks: {
    ...SHARE,
    title: "KS",
    kinds: ["binary"],
    interval: "Newcombe, of the difference of the two shares at the score of the maximum",
    meaning: "largest distance between the score distributions of the two classes",
  },
  accuracy: {
    ...SHARE,
    title: "accuracy",
    kinds: CLASSES,
    interval: "Wilson",
    meaning: "share of rows whose class was predicted",
  },
  precision: {
    ...SHARE,
    title: "precision",
    kinds: ["binary"],
    interval: "Wilson",
    meaning: "share of predicted positives that are positive",
  },
  recall: {
    ...SHARE,
    title: "recall",
    kinds: ["binary"],
    interval: "Wilson",
    meaning: "share of positives that were predicted",
  },
  f1: {
    ...SHARE,
    title: "F1",
    kinds: ["binary"],
    interval: "Wilson of TP / (TP + FP + FN), of which F1 is a rising function",
    meaning: "harmonic mean of precision and recall",
  },
  precision_macro: {
    ...SHARE,
    title: "precision (macro)",
    kinds: ["multiclass"],
    interval: CONFUSION,
    meaning: "mean of the classes' precisions; 0 for a class that was never predicted",
  },
  recall_macro: {
    ...SHARE,
    title: "recall (macro)",
    kinds: ["multiclass"],
    interval: CONFUSION,
    meaning: "mean of the classes' recalls; 0 for a class that has no rows but was predicted",
  },
  f1_macro: {
    ...SHARE,
    title: "F1 (macro)",
    kinds: ["multiclass"],
    interval: CONFUSION,
    meaning: "mean of the classes' F1",
  },
  precision_weighted: {
    ...SHARE,
    title: "precision (weighted)",
    kinds: ["multiclass"],
    interval: CONFUSION,
    meaning: "mean of the classes' precisions, weighted by their rows",
  },
  recall_weighted: {
    ...SHARE,
    title: "recall (weighted)",
    kinds: ["multiclass"],
    interval: CONFUSION,
    meaning: "mean of the classes' recalls, weighted by their rows; the same as accuracy",
  },
  f1_weighted: {
    ...SHARE,
    title: "F1 (weighted)",
    kinds: ["multiclass"],
    interval: CONFUSION,
    meaning: "mean of the classes' F1, weighted by their rows",
  },
  roc_auc_ovr_macro: {
    ...SHARE,
    title: "ROC AUC (one against the rest, macro)",
    kinds: ["multiclass"],
    interval: "DeLong, the classes' structural components added up per row",
    meaning: "mean over the classes of the ROC AUC of that class against all others",
  },
  log_loss: {
    ...LOSS,
    title: "log loss",
    kinds: CLASSES,
    interval: MEAN,
    meaning: "mean of -ln of the true class's probability, kept off 0 by 2^-52",
  },
  brier_score: {
    ...LOSS,
    title: "Brier score",
    kinds: ["binary"],
    high: 1,
    interval: MEAN,
    meaning: "mean squared distance of the score from 0 or 1",
  },
  expected_calibration_error: {
    ...LOSS,
    title: "expected calibration error",
    kinds: ["binary"],
    high: 1,
    interval: "normal; the low end is lowered by what a calibrated model would show by chance",
    meaning: "mean distance of score and share of positives over 10 bins of about equal counts",
  },
  mae: {
    ...LOSS,
    title: "MAE",
    kinds: ["regression"],
    interval: MEAN,
    meaning: "mean absolute error",
  },
  mse: {
    ...LOSS,
    title: "MSE",
    kinds: ["regression"],
    interval: MEAN,
    meaning: "mean squared error",
  },
  rmse: {
    ...LOSS,
    title: "RMSE",
    kinds: ["regression"],
    interval: "square roots of that of MSE",
    meaning: "square root of MSE",
  },
  r2: {
    better: "higher",
    low: null,
    high: 1,
    title: "R2",
    kinds: ["regression"],
    interval: "normal, delta method",
    meaning: "1 - squared errors / squared distances of the labels from their mean",
  },
  mape: {
    ...LOSS,
    title: "MAPE",
    kinds: ["regression"],
    interval: MEAN,
    meaning:
      "mean of |error| / |label|, a share; a label of 0 counts as 2^-52, as in scikit-learn, and swamps the mean",
  },
} as const satisfies Record<string, MetricMeaning>;

export type MetricName = keyof typeof METRICS;

/** The metrics of a kind of model, in the order of the table. */
export function metricsOf(kind: ModelKind): readonly MetricName[] {
  return (Object.keys(METRICS) as MetricName[]).filter((name) =>
    (METRICS[name].kinds as readonly ModelKind[]).includes(kind),
  );
}
