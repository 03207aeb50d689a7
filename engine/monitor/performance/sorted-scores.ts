/**
 * Scores of two classes with their labels, in order: what AUC, KS, calibration and CBPE walk along.
 *
 * Everything made from it goes group by group of equal scores, from the lowest, and knows of a group only its counts:
 * so the numbers are the same to the last bit in whatever order the rows come.
 */
import { argsort } from "./argsort.ts";
import { checkClasses, checkLength, checkProbabilities, type Numbers } from "./row-checks.ts";

export interface ScoreGroups {
  /** Distinct scores, ascending; one per group. */
  readonly scores: Float64Array;
  readonly positives: Uint32Array;
  readonly negatives: Uint32Array;
  readonly positiveCount: number;
  readonly negativeCount: number;
}

/**
 * @param scores probability of the positive class.
 * @param labels 1 for the positive class, 0 for the other one.
 * @throws EngineError INVALID_REQUEST naming the first wrong row.
 */
export function groupScores(scores: Numbers, labels: Uint8Array): ScoreGroups {
  checkLength("scores", scores.length, labels.length);
  checkProbabilities("scores", scores);
  checkClasses("labels", labels, 2);
  const distinct = new Float64Array(scores.length);
  const rows = new Uint32Array(scores.length);
  const positives = new Uint32Array(scores.length);
  let group = -1;
  let positiveCount = 0;
  for (const row of argsort(scores)) {
    const score = scores[row] as number;
    if (group < 0 || score !== distinct[group]) {
      group += 1;
      distinct[group] = score;
    }
    const label = labels[row] as number;
    rows[group] = (rows[group] as number) + 1;
    positives[group] = (positives[group] as number) + label;
    positiveCount += label;
  }
  const groups = group + 1;
  return {
    scores: distinct.subarray(0, groups),
    positives: positives.subarray(0, groups),
    negatives: rows.subarray(0, groups).map((count, group) => count - (positives[group] as number)),
    positiveCount,
    negativeCount: scores.length - positiveCount,
  };
}
