/**
 * The training rows as bins: a byte a cell in boosting, two in forests; column-major, so that a histogram of four columns reads four
 * streams of them.
 *
 * Columns that cannot split anything (one value, no value) are left out here, and so get neither splits nor importance. Bound:
 * two bytes a cell beside the training set; cuts are found on SAMPLE_ROWS rows.
 */
import type { TrainingSet } from "../../../engine/core/training-set.ts";
import {
  assignCategories,
  assignNumbers,
  type Bins,
  type CategoryBins,
  categoryBins,
  type NumberBins,
  numberBins,
} from "./column-bins.ts";
import { drawSorted, TreeRandom } from "./random.ts";

/** LightGBM's bin_construct_sample_cnt. */
const SAMPLE_ROWS = 200_000;

export interface BinnedColumn {
  /** Its place in the training set. */
  readonly index: number;
  readonly name: string;
  /** Bins of values: 0 … values - 1; the bin of missing values is `values`. */
  readonly values: number;
  /** Whether any row is in that bin: without a value, or of a code without a bin of its own. */
  readonly hasMissing: boolean;
  readonly numbers?: NumberBins;
  readonly categories?: CategoryBins;
}

export interface BinnedRows<Cells extends Bins = Uint8Array> {
  readonly rows: number;
  readonly columns: readonly BinnedColumn[];
  /** Column after column, `rows` cells each. */
  readonly bins: Cells;
  /** Where each column's bins begin in a histogram over all of them; its length at the end. */
  readonly offsets: Int32Array;
}

/**
 * @param binsMax bins of values a column, at most what a cell holds; categories take one a code whatever it is
 * @param Cells what the bins are kept in
 */
export function binRows<Cells extends Bins>(
  set: TrainingSet,
  binsMax: number,
  seed: number,
  Cells: new (length: number) => Cells,
): BinnedRows<Cells> {
  const sample = sampleOf(set.rows, seed);
  const columns = set.columns
    .map((column, index) => cutColumn(column, index, binsMax, sample))
    .filter(({ values, hasMissing }) => values > 1 || (values === 1 && hasMissing));
  const bins = new Cells(set.rows * columns.length);
  const offsets = new Int32Array(columns.length + 1);
  columns.forEach((column, place) => {
    const { values } = set.columns[column.index] as TrainingSet["columns"][number];
    const into = bins.subarray(place * set.rows, (place + 1) * set.rows);
    if (column.categories !== undefined) assignCategories(values, column.categories, into);
    else assignNumbers(values, column.numbers as NumberBins, column.values, into);
    offsets[place + 1] = (offsets[place] as number) + column.values + 1;
  });
  return { rows: set.rows, columns, bins, offsets };
}

/** Indexes of rows, or undefined for all. */
function sampleOf(rows: number, seed: number): Int32Array | undefined {
  if (rows <= SAMPLE_ROWS) return undefined;
  return drawSorted(new TreeRandom(seed), rows, SAMPLE_ROWS, new Int32Array(SAMPLE_ROWS));
}

function cutColumn(
  { name, values, categories }: TrainingSet["columns"][number],
  index: number,
  binsMax: number,
  sample: Int32Array | undefined,
): BinnedColumn {
  if (categories !== undefined) {
    const bins = categoryBins(values, categories);
    const hasMissing = values.some((code) => code !== code || bins.binOf[code] === bins.values);
    return { index, name, values: bins.values, hasMissing, categories: bins };
  }
  const numbers = numberBins(sortedValues(values, sample), binsMax);
  return {
    index,
    name,
    values: numbers.values,
    hasMissing: values.some((value) => value !== value),
    numbers,
  };
}

function sortedValues(values: Float32Array, sample: Int32Array | undefined): Float32Array {
  const picked = new Float32Array(sample?.length ?? values.length);
  let length = 0;
  for (let index = 0; index < picked.length; index++) {
    const value = values[sample === undefined ? index : (sample[index] as number)] as number;
    if (value !== value) continue;
    picked[length] = value;
    length += 1;
  }
  return picked.subarray(0, length).sort();
}
