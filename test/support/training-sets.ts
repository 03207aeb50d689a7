/** Rows to learn from, made from a seed: what is known of them is how the targets follow from the columns. */
import type { TrainingSet, TrainingTask } from "../../engine/core/training-set.ts";
import { createRandom, type Random } from "./random.ts";

export const TASKS: Readonly<Record<TrainingTask["kind"], TrainingTask>> = {
  binary: { kind: "binary", classes: 2 },
  multiclass: { kind: "multiclass", classes: 3 },
  regression: { kind: "regression" },
};

/** Deviations and offsets as data have them: ages, amounts, rates, noise. */
const COLUMNS = [
  { name: "age", size: 12, offset: 40 },
  { name: "amount", size: 2500, offset: 9000 },
  { name: "rate", size: 0.003, offset: 0.01 },
  { name: "noise", size: 1, offset: 0 },
] as const;

export interface SetOptions {
  readonly rows: number;
  readonly seed: number;
  /** How the share of missing values of `amount`. */
  readonly missing?: number;
  /** Adds the column `color` with three codes, one of which matters. */
  readonly hasCategory?: boolean;
  /** Steps of a series: each column comes once a step, oldest first. */
  readonly steps?: number;
}

export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

/** The score is 1.5·age - amount + 0.5·rate in deviations (means over the steps), and some noise. */
export function trainingSet(
  task: TrainingTask,
  { rows, seed, missing = 0, hasCategory = false, steps = 1 }: SetOptions,
): TrainingSet {
  const random = createRandom(seed);
  const scores = new Float64Array(rows);
  const columns: { name: string; values: Float32Array; categories?: number }[] = [];
  for (let step = 0; step < steps; step++)
    for (const [index, { name, size, offset }] of COLUMNS.entries()) {
      const values = new Float32Array(rows);
      for (let row = 0; row < rows; row++) {
        const standard = normal(random);
        values[row] = offset + size * standard;
        scores[row] =
          (scores[row] as number) + ([1.5, -1, 0.5, 0][index] as number) * standard * Math.sqrt(1 / steps);
        if (name === "amount" && random.next() < missing) values[row] = Number.NaN;
      }
      columns.push({ name: steps === 1 ? name : `${name}_${step}`, values });
    }
  if (hasCategory) {
    const values = new Float32Array(rows).map(() => random.between(0, 2));
    values.forEach((code, row) => (scores[row] = (scores[row] as number) + (code === 1 ? 2 : 0)));
    columns.push({ name: "color", values, categories: 3 });
  }
  return { rows, columns, targets: scores.map((score) => targetOf(task, score + 0.3 * normal(random))) };
}

function targetOf(task: TrainingTask, score: number): number {
  if (task.kind === "regression") return 100 + 20 * score;
  if (task.kind === "binary") return score > 0.5 ? 1 : 0;
  return score > 1 ? 2 : score > -0.5 ? 1 : 0;
}
