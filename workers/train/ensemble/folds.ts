/** Which rows are predicted by members that have not seen them: each row stands in one fold. */
import { type TrainingSet, type TrainingTask } from "../../../engine/core/training-set.ts";
import { trainingInvalid } from "../training-checks.ts";

export interface Fold {
  readonly inside: Uint32Array;
  readonly outside: Uint32Array;
}

/**
 * Folds of about the same size, each class spread over all of them in the same share. Each is a run of rows in their order:
 * where that is time, a row's neighbours, which are like it, are left out with it (C. Bergmeir, J. Benítez, "On the use of
 * cross-validation for time series predictor evaluation", 2012).
 * @throws EngineError INVALID_REQUEST naming folds or targets when rows are too few to leave some of each class out
 */
export function foldsOf({ rows, targets }: TrainingSet, task: TrainingTask, count: number): Fold[] {
  if (rows < 2 * count)
    throw trainingInvalid(
      "folds",
      `${rows} rows are too few for ${count} folds. Set fewer, or choose a longer period.`,
    );
  const groupOf = (row: number): number => (task.kind === "regression" ? 0 : (targets[row] as number));
  const sizes = new Map<number, number>();
  for (let row = 0; row < rows; row++) sizes.set(groupOf(row), (sizes.get(groupOf(row)) ?? 0) + 1);
  const seen = new Map<number, number>();
  const folds = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    const group = groupOf(row);
    const place = seen.get(group) ?? 0;
    folds[row] = Math.floor((place * count) / (sizes.get(group) ?? 1));
    seen.set(group, place + 1);
  }
  for (const [group, size] of sizes)
    if (size < 2)
      throw trainingInvalid(
        "targets",
        `class ${group} has one row; members need one to learn from and one to be tried on.`,
      );
  const rowsWhere = (fits: (row: number) => boolean): Uint32Array =>
    Uint32Array.from({ length: rows }, (_, row) => row).filter(fits);
  return Array.from({ length: count }, (_, fold) => ({
    inside: rowsWhere((row) => folds[row] !== fold),
    outside: rowsWhere((row) => folds[row] === fold),
  })).filter(({ outside }) => outside.length > 0);
}
