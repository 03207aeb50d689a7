/**
 * What boosting minimises: log loss of two classes, softmax of more, squared error; as LightGBM's `binary`, `multiclass` and
 * `regression`. Scores, gradients and hessians are class after class: `rows` of the first, then of the second …
 */
import { predictionWidth, type TrainingSet, type TrainingTask } from "../../../engine/core/training-set.ts";
import type { Gradients } from "./leafwise-tree.ts";

export interface Objective {
  /** Scores a row. */
  readonly width: number;
  /** The best constant scores, float32. */
  base(set: TrainingSet): Float32Array;
  /** Fills the first and second derivatives of each row's loss, times its weight, beside each other. */
  derive(set: TrainingSet, scores: Float64Array, into: Gradients): void;
  /** Mean loss a row: log loss, or the squared error. */
  loss(set: TrainingSet, scores: Float64Array): number;
  /** Scores of one row, beside each other, to predictions; in place. */
  link(scores: Float64Array): void;
}

export function objectiveOf(task: TrainingTask): Objective {
  const width = predictionWidth(task);
  switch (task.kind) {
    case "binary":
      return BINARY;
    case "multiclass":
      return multiclass(width);
    case "regression":
      return REGRESSION;
  }
}

const BINARY: Objective = {
  width: 1,
  base(set) {
    const positive = weightedMean(set, (target) => target);
    return Float32Array.of(Math.log(positive / (1 - positive)));
  },
  derive({ rows, targets, weights }, scores, into) {
    for (let row = 0; row < rows; row++) {
      const probability = 1 / (1 + Math.exp(-(scores[row] as number)));
      const weight = weights === undefined ? 1 : (weights[row] as number);
      into[2 * row] = weight * (probability - (targets[row] as number));
      into[2 * row + 1] = weight * probability * (1 - probability);
    }
  },
  loss: (set, scores) =>
    weightedMean(set, (target, row) => {
      const score = target === 1 ? -(scores[row] as number) : (scores[row] as number);
      return Math.max(score, 0) + Math.log1p(Math.exp(-Math.abs(score)));
    }),
  link(scores) {
    for (let index = 0; index < scores.length; index++)
      scores[index] = 1 / (1 + Math.exp(-(scores[index] as number)));
  },
};

const REGRESSION: Objective = {
  width: 1,
  base: (set) => Float32Array.of(weightedMean(set, (target) => target)),
  derive({ rows, targets, weights }, scores, into) {
    for (let row = 0; row < rows; row++) {
      const weight = weights === undefined ? 1 : (weights[row] as number);
      into[2 * row] = weight * ((scores[row] as number) - (targets[row] as number));
      into[2 * row + 1] = weight;
    }
  },
  loss: (set, scores) => weightedMean(set, (target, row) => ((scores[row] as number) - target) ** 2),
  link() {},
};

/** The share given to a class that no row is of. */
const ABSENT = 1e-9;

function multiclass(classes: number): Objective {
  // LightGBM's factor: with it, hessians of classes that must sum to one are those of independent ones
  const factor = classes / (classes - 1);
  const exponentials = new Float64Array(classes);
  return {
    width: classes,
    base(set) {
      const shares = new Float32Array(classes);
      for (let k = 0; k < classes; k++)
        shares[k] = Math.log(
          Math.max(
            weightedMean(set, (target) => (target === k ? 1 : 0)),
            ABSENT,
          ),
        );
      return shares;
    },
    derive({ rows, targets, weights }, scores, into) {
      for (let row = 0; row < rows; row++) {
        const sum = exponentiate(scores, row, rows, exponentials);
        const weight = weights === undefined ? 1 : (weights[row] as number);
        for (let k = 0; k < classes; k++) {
          const probability = (exponentials[k] as number) / sum;
          into[2 * (k * rows + row)] = weight * (probability - (targets[row] === k ? 1 : 0));
          into[2 * (k * rows + row) + 1] = weight * factor * probability * (1 - probability);
        }
      }
    },
    loss: (set, scores) =>
      weightedMean(set, (target, row) => {
        const sum = exponentiate(scores, row, set.rows, exponentials);
        return -Math.log(Math.max((exponentials[target] as number) / sum, Number.MIN_VALUE));
      }),
    link(scores) {
      for (let at = 0; at < scores.length; at += classes) {
        const row = scores.subarray(at, at + classes);
        const sum = exponentiate(row, 0, 1, exponentials);
        for (let k = 0; k < classes; k++) row[k] = (exponentials[k] as number) / sum;
      }
    },
  };
}

/** exp(score - the row's greatest) of each class; returns their sum. */
function exponentiate(scores: Float64Array, row: number, rows: number, into: Float64Array): number {
  let most = -Infinity;
  for (let k = 0; k < into.length; k++) most = Math.max(most, scores[k * rows + row] as number);
  let sum = 0;
  for (let k = 0; k < into.length; k++) {
    const exponential = Math.exp((scores[k * rows + row] as number) - most);
    into[k] = exponential;
    sum += exponential;
  }
  return sum;
}

function weightedMean(
  { rows, targets, weights }: TrainingSet,
  of: (target: number, row: number) => number,
): number {
  let sum = 0;
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const weight = weights === undefined ? 1 : (weights[row] as number);
    sum += weight * of(targets[row] as number, row);
    total += weight;
  }
  return sum / total;
}
