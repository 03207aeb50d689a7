/**
 * What a forest's node holds in each bin of one column. hot path
 *
 *     a bin   [rows, weight, weight × target]                  values, and the second of two classes
 *             [rows, weight, weight of class 0, class 1, …]    more classes
 *
 * Nodes deep down have few rows: only bins that hold any are read and cleared, so such a node costs its rows, not all bins.
 * Bound: SUMS_BYTES_MAX, which `binsThatFit` keeps.
 */
import type { Bins } from "./column-bins.ts";

/** Two bytes of bins need 1.6 MB with one sum of targets; with 1,000 classes 8,371 bins fit. */
const SUMS_BYTES_MAX = 64 * 1024 * 1024;

/** Bins of values that a column may have. @param targets sums of targets a bin */
export function binsThatFit(targets: number): number {
  return Math.floor(SUMS_BYTES_MAX / (8 * (2 + targets))) - 1;
}

export class BinSums {
  /** Numbers a bin. */
  readonly stride: number;
  readonly sums: Float64Array;
  /** Bins that hold rows, ascending; the first `count`. */
  readonly used: Int32Array;
  count = 0;
  /** A bit a bin, all 0 between uses. */
  readonly #marks: Uint32Array;

  /**
   * @param targets sums of targets a bin: 1, or one a class
   * @param bins of the column that has most
   */
  constructor(targets: number, bins: number) {
    this.stride = 2 + targets;
    this.sums = new Float64Array(bins * this.stride);
    this.used = new Int32Array(bins);
    this.#marks = new Uint32Array((bins + 31) >>> 5);
  }

  /**
   * Sums the rows at positions begin … end, instead of what is there.
   * @param column index of the column's first bin in `bins`
   * @param weights and targets: in the order of the positions
   */
  fill(
    bins: Bins,
    column: number,
    rows: Int32Array,
    weights: Float64Array,
    targets: Float64Array,
    begin: number,
    end: number,
  ): void {
    this.#clear();
    this.count = add(bins, column, rows, weights, targets, begin, end, this.sums, this.used, this.stride);
    this.#sort();
  }

  #clear(): void {
    const { sums, used, stride } = this;
    for (let index = 0; index < this.count; index++) {
      const at = stride * (used[index] as number);
      for (let place = at; place < at + stride; place++) sums[place] = 0;
    }
  }

  /** By insertion when there are few, else by marking them. */
  #sort(): void {
    const { used } = this;
    if (this.count > 20) return sortByMarks(used, this.count, this.#marks);
    for (let index = 1; index < this.count; index++) {
      const bin = used[index] as number;
      let at = index - 1;
      while (at >= 0 && (used[at] as number) > bin) {
        used[at + 1] = used[at] as number;
        at -= 1;
      }
      used[at + 1] = bin;
    }
  }
}

function sortByMarks(used: Int32Array, count: number, marks: Uint32Array): void {
  for (let index = 0; index < count; index++) {
    const bin = used[index] as number;
    marks[bin >>> 5] = (marks[bin >>> 5] as number) | (1 << (bin & 31));
  }
  for (let word = 0, at = 0; at < count; word++) {
    for (let left = marks[word] as number; left !== 0; left &= left - 1, at++)
      used[at] = (word << 5) + 31 - Math.clz32(left & -left);
    marks[word] = 0;
  }
}

/** Returns how many bins hold rows, and lists them in `used`. */
function add(
  bins: Bins,
  column: number,
  rows: Int32Array,
  weights: Float64Array,
  targets: Float64Array,
  begin: number,
  end: number,
  sums: Float64Array,
  used: Int32Array,
  stride: number,
): number {
  const hasClasses = stride > 3;
  let count = 0;
  for (let index = begin; index < end; index++) {
    const bin = bins[column + (rows[index] as number)] as number;
    const weight = weights[index] as number;
    const at = stride * bin;
    const before = sums[at] as number;
    if (before === 0) {
      used[count] = bin;
      count += 1;
    }
    sums[at] = before + 1;
    sums[at + 1] = (sums[at + 1] as number) + weight;
    const target = targets[index] as number;
    const place = hasClasses ? at + 2 + target : at + 2;
    sums[place] = (sums[place] as number) + (hasClasses ? weight : weight * target);
  }
  return count;
}
