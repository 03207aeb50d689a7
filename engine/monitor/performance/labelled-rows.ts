/**
 * Predictions with their labels: what realised performance is measured on. Columns, one entry per row.
 */
import type { Classes, Numbers } from "./row-checks.ts";

export interface BinaryRows {
  readonly kind: "binary";
  /** Probability of the positive class, which is the last of the two. */
  readonly scores: Numbers;
  /** 1 where the positive class was predicted, else 0. */
  readonly predicted: Uint8Array;
  /** 1 where the label is the positive class, else 0. */
  readonly labels: Uint8Array;
}

export interface MulticlassRows {
  readonly kind: "multiclass";
  readonly classes: number;
  /** rows × classes, row by row; without them there is no log loss and no AUC. */
  readonly probabilities?: Numbers;
  /** Index of the class. */
  readonly predicted: Classes;
  readonly labels: Classes;
}

export interface RegressionRows {
  readonly kind: "regression";
  readonly predicted: Numbers;
  readonly labels: Numbers;
}

export type LabelledRows = BinaryRows | MulticlassRows | RegressionRows;

/** Classes at a threshold: positive from the threshold on, as the engine predicts. */
export function predictAt(scores: Numbers, threshold: number): Uint8Array {
  const predicted = new Uint8Array(scores.length);
  for (let row = 0; row < scores.length; row += 1)
    predicted[row] = (scores[row] as number) >= threshold ? 1 : 0;
  return predicted;
}

/** The rows at these indexes. */
export function takeRows(rows: LabelledRows, at: Uint32Array): LabelledRows {
  switch (rows.kind) {
    case "binary":
      return {
        kind: "binary",
        scores: takeNumbers(rows.scores, at, 1),
        predicted: takeClasses(rows.predicted, at),
        labels: takeClasses(rows.labels, at),
      };
    case "multiclass": {
      const { kind, classes, probabilities } = rows;
      return {
        kind,
        classes,
        ...(probabilities && { probabilities: takeNumbers(probabilities, at, classes) }),
        predicted: takeClasses(rows.predicted, at),
        labels: takeClasses(rows.labels, at),
      };
    }
    case "regression":
      return {
        kind: "regression",
        predicted: takeNumbers(rows.predicted, at, 1),
        labels: takeNumbers(rows.labels, at, 1),
      };
  }
}

function takeNumbers(values: Numbers, at: Uint32Array, width: number): Float64Array {
  const taken = new Float64Array(at.length * width);
  for (let row = 0; row < at.length; row += 1) {
    const from = (at[row] as number) * width;
    for (let column = 0; column < width; column += 1)
      taken[row * width + column] = values[from + column] as number;
  }
  return taken;
}

function takeClasses<Column extends Classes>(values: Column, at: Uint32Array): Column {
  const taken = values.slice(0, at.length) as Column;
  for (let row = 0; row < at.length; row += 1) taken[row] = values[at[row] as number] as number;
  return taken;
}
