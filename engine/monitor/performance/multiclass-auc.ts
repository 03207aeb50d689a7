/**
 * ROC AUC of several classes: each against all others, averaged without weights (scikit-learn's multi_class="ovr",
 * average="macro").
 */
import { placementsOf } from "./delong.ts";
import { normalInterval } from "./intervals.ts";
import { METRICS } from "./metric-table.ts";
import { known, type MetricValue, unknownFor } from "./metric-value.ts";
import type { Classes, Numbers } from "./row-checks.ts";

/** Each class is a sort of all rows. */
const CLASSES_MAX = 100;

/**
 * The interval adds up, per row, how much the row moves the AUC of every class (its placement against the mean of its
 * side), so that the classes' correlation is in it.
 * @param probabilities rows × classes.
 */
export function aucAgainstRest(
  probabilities: Numbers,
  labels: Classes,
  classes: number,
  confidence: number,
): MetricValue {
  if (labels.length === 0) return unknownFor("there are no rows");
  if (classes > CLASSES_MAX) return unknownFor(`there are more than ${CLASSES_MAX} classes`);
  const empty = countsOf(labels, classes).indexOf(0);
  if (empty >= 0) return unknownFor(`no row is of class ${empty}`);
  const { auc, moves } = movesAgainstRest(probabilities, labels, classes);
  return known(auc, normalInterval(auc, errorOfMoves(moves), confidence, METRICS.roc_auc_ovr_macro));
}

/** The mean AUC, and how much each row moves it; rows of every class. */
export function movesAgainstRest(
  probabilities: Numbers,
  labels: Classes,
  classes: number,
): { readonly auc: number; readonly moves: Float64Array } {
  const rows = labels.length;
  const counts = countsOf(labels, classes);
  const moves = new Float64Array(rows);
  const scores = new Float64Array(rows);
  const isOfClass = new Uint8Array(rows);
  let sum = 0;
  for (let one = 0; one < classes; one += 1) {
    for (let row = 0; row < rows; row += 1) {
      scores[row] = probabilities[row * classes + one] as number;
      isOfClass[row] = labels[row] === one ? 1 : 0;
    }
    const { auc, placements } = placementsOf(scores, isOfClass);
    const share = (counts[one] as number) / rows;
    for (let row = 0; row < rows; row += 1) {
      const sideShare = isOfClass[row] === 1 ? share : 1 - share;
      moves[row] = (moves[row] as number) + ((placements[row] as number) - auc) / sideShare / classes;
    }
    sum += auc;
  }
  return { auc: sum / classes, moves };
}

/** Standard error of what the rows move so, or of the difference of two such, row by row. */
export function errorOfMoves(moves: Float64Array): number {
  let squares = 0;
  for (const move of moves) squares += move * move;
  return Math.sqrt(squares / (moves.length - 1) / moves.length);
}

function countsOf(labels: Classes, classes: number): Uint32Array {
  const counts = new Uint32Array(classes);
  for (const label of labels) counts[label] = (counts[label] as number) + 1;
  return counts;
}
