/**
 * The background that a trained model carries for its explanations (background.json, see workers/explain/background): as little of its
 * training rows as its explanations need.
 */
import type { RegisteredTrainer } from "../../workers/train/trainers.ts";
import type { TrainingSet } from "../core/training-set.ts";

const FILE = "background.json";
/** As many as shap takes. */
const ROWS_MAX = 100;

/** The files of a model with its background, if it needs one. The same training set gives the same bytes. */
export function withBackground(
  files: ReadonlyMap<string, Uint8Array>,
  { background }: Pick<RegisteredTrainer, "background">,
  training: TrainingSet,
): ReadonlyMap<string, Uint8Array> {
  if (background === "none") return files;
  const rows = background === "means" ? [meansOf(training)] : spreadRows(training);
  return new Map([...files, [FILE, new Uint8Array(Buffer.from(JSON.stringify({ rows })))]]);
}

function meansOf({ columns, rows }: TrainingSet): number[] {
  return columns.map(({ values }) => values.reduce((sum, value) => sum + value / rows, 0));
}

/** Evenly over the set; null for what is missing. */
function spreadRows({ columns, rows }: TrainingSet): (number | null)[][] {
  const count = Math.min(rows, ROWS_MAX);
  return Array.from({ length: count }, (_, place) => {
    const at = Math.floor((place * rows) / count);
    return columns.map(({ values }) => {
      const value = values[at] as number;
      return Number.isNaN(value) ? null : value;
    });
  });
}
