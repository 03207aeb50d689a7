/**
 * Features that give the label away: what a model learns from them will not be there when it serves.
 *
 * Each feature alone predicts the label: half of the groups teach, for each value (numbers: each of up to 256 bins of equal counts;
 * missing: a value of its own) its commonest class or mean, and the other half is predicted. What it says of the label is the share of
 * the errors that it takes away from those of the constant prediction: of classes Goodman and Kruskal's lambda, of values R², or the
 * squared rank correlation (Spearman) if that is more, for a label in other units. 1 gives the label away, 0 says nothing.
 * Bound: ROWS_MAX rows, by hash of their groups.
 */
import { shareOf } from "./row-groups.ts";
import { rawColumn, rowsAt, type TrainingTable } from "./training-table.ts";

const BINS = 256;
const ROWS_MAX = 20_000;
/** Fewer rows in a half say nothing for sure. */
const HALF_MIN = 50;
const SALT = { draw: 11, half: 12 } as const;

export interface FeatureLeak {
  readonly name: string;
  /** What it says of the label, up to 1. */
  readonly share: number;
}

/** What each feature alone says of the label, those that say most first. None when there are too few rows to tell. */
export function labelShares(table: TrainingTable): FeatureLeak[] {
  const share = ROWS_MAX / table.groups.length;
  const rows = Uint32Array.from(table.groups.keys());
  const drawn = rowsAt(
    table,
    rows.filter((row) => shareOf(table.groups[row] as number, SALT.draw) < share),
  );
  const { inputs, groups, classes, targets } = drawn;
  const isTeacher = Array.from(groups, (group) => shareOf(group, SALT.half) < 0.5);
  const teachers = isTeacher.filter(Boolean).length;
  if (Math.min(teachers, groups.length - teachers) < HALF_MIN) return [];
  const shares = inputs.map(({ name }, at): FeatureLeak => {
    const column = rawColumn(drawn, at);
    const isNumber = column instanceof Float32Array;
    const rank = classes === undefined && isNumber ? rankCorrelation([...column], targets) ** 2 : 0;
    const values = isNumber ? binned(column) : column;
    return { name, share: Math.max(rank, explainedShare(values, targets, isTeacher, classes?.length)) };
  });
  return shares.sort((a, b) => b.share - a.share || (a.name < b.name ? -1 : 1));
}

type Value = string | number;

function explainedShare(
  values: readonly Value[],
  labels: Float64Array,
  isTeacher: readonly boolean[],
  classes: number | undefined,
): number {
  const predict =
    classes === undefined
      ? learnMeans(values, labels, isTeacher)
      : learnModes(values, labels, isTeacher, classes);
  let errors = 0;
  let errorsWithout = 0;
  for (const [row, value] of values.entries()) {
    if (isTeacher[row] === true) continue;
    const label = labels[row] as number;
    errors += errorOf(predict(value), label, classes);
    errorsWithout += errorOf(predict(undefined), label, classes);
  }
  return errorsWithout === 0 ? 0 : 1 - errors / errorsWithout;
}

function errorOf(predicted: number, label: number, classes: number | undefined): number {
  if (classes === undefined) return (predicted - label) ** 2;
  return predicted === label ? 0 : 1;
}

/** Undefined asks for the constant prediction, which a value that was not met gets too. */
type Predict = (value: Value | undefined) => number;

function learnModes(
  values: readonly Value[],
  labels: Float64Array,
  isTeacher: readonly boolean[],
  classes: number,
): Predict {
  const all = new Float64Array(classes);
  const counts = new Map<Value, Float64Array>();
  for (const [row, value] of values.entries()) {
    if (isTeacher[row] !== true) continue;
    const label = labels[row] as number;
    const own = counts.get(value) ?? new Float64Array(classes);
    counts.set(value, own);
    own[label] = (own[label] as number) + 1;
    all[label] = (all[label] as number) + 1;
  }
  const modes = new Map([...counts].map(([value, own]) => [value, commonest(own)]));
  const mode = commonest(all);
  return (value) => (value === undefined ? mode : (modes.get(value) ?? mode));
}

function learnMeans(values: readonly Value[], labels: Float64Array, isTeacher: readonly boolean[]): Predict {
  const sums = new Map<Value, { sum: number; count: number }>();
  const all = { sum: 0, count: 0 };
  for (const [row, value] of values.entries()) {
    if (isTeacher[row] !== true) continue;
    const own = sums.get(value) ?? { sum: 0, count: 0 };
    sums.set(value, own);
    for (const one of [own, all]) {
      one.sum += labels[row] as number;
      one.count++;
    }
  }
  const mean = all.sum / all.count;
  return (value) => {
    const own = value === undefined ? undefined : sums.get(value);
    return own === undefined ? mean : own.sum / own.count;
  };
}

function commonest(counts: Float64Array): number {
  let best = 0;
  for (let at = 1; at < counts.length; at++) if ((counts[at] as number) > (counts[best] as number)) best = at;
  return best;
}

/** Numbers as themselves where there are few, else as bins of equal counts; NaN as a bin of its own. */
function binned(values: Float32Array): number[] {
  const distinct = new Set(values);
  if (distinct.size <= BINS) return [...values];
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  const edges = Array.from(
    { length: BINS - 1 },
    (_, bin) => sorted[Math.floor(((bin + 1) * sorted.length) / BINS)] as number,
  );
  return Array.from(values, (value) => (Number.isNaN(value) ? -1 : placeIn(edges, value)));
}

/** How many edges are at or below the value. */
function placeIn(edges: readonly number[], value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((edges[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Spearman's rho over rows that have a value; 0 when nothing varies. */
function rankCorrelation(values: readonly number[], labels: Float64Array): number {
  const rows = values.flatMap((value, row) => (Number.isNaN(value) ? [] : [row]));
  if (rows.length < values.length / 2) return 0; // of a few rows it would say too much
  const ranks = ranksOf(rows.map((row) => values[row] as number));
  const others = ranksOf(rows.map((row) => labels[row] as number));
  const mean = (rows.length - 1) / 2;
  let [both, one, other] = [0, 0, 0];
  for (let at = 0; at < rows.length; at++) {
    const [a, b] = [(ranks[at] as number) - mean, (others[at] as number) - mean];
    both += a * b;
    one += a * a;
    other += b * b;
  }
  return one === 0 || other === 0 ? 0 : both / Math.sqrt(one * other);
}

/** From 0; equal values share the mean of their ranks. */
function ranksOf(values: readonly number[]): Float64Array {
  const order = Uint32Array.from(values.keys()).sort((a, b) => (values[a] as number) - (values[b] as number));
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && values[order[end] as number] === values[order[start] as number]) end++;
    for (let at = start; at < end; at++) ranks[order[at] as number] = (start + end - 1) / 2;
    start = end;
  }
  return ranks;
}
