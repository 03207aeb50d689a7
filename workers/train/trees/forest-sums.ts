/**
 * What a forest's node holds in each bin of one column. hot path
 *
 *     a bin   [rows, weight, weight × target]                  values, and the second of two classes
 *             [rows, weight, weight of class 0, class 1, …]    more classes
 *
 * Nodes deep down have few rows: only bins that hold any are read and cleared, so such a node costs its rows, not 256 bins.
 */
export class BinSums {
  /** Numbers a bin. */
  readonly stride: number;
  readonly sums: Float64Array;
  /** Bins that hold rows, ascending; the first `count`. */
  readonly used = new Int32Array(256);
  count = 0;

  /** @param targets sums of targets a bin: 1, or one a class */
  constructor(targets: number) {
    this.stride = 2 + targets;
    this.sums = new Float64Array(256 * this.stride);
  }

  /**
   * Sums the rows at positions begin … end, instead of what is there.
   * @param column index of the column's first bin in `bins`
   * @param weights and targets: in the order of the positions
   */
  fill(
    bins: Uint8Array,
    column: number,
    rows: Int32Array,
    weights: Float64Array,
    targets: Float64Array,
    begin: number,
    end: number,
  ): void {
    this.#clear();
    const add = this.stride === 3 ? addValues : addClasses;
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

  /** By insertion when there are few, else by looking at all bins. */
  #sort(): void {
    const { used, sums, stride } = this;
    if (this.count > 20) {
      let count = 0;
      for (let bin = 0; bin < 256; bin++) {
        if (sums[stride * bin] === 0) continue;
        used[count] = bin;
        count += 1;
      }
      return;
    }
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

/** Returns how many bins hold rows, and lists them in `used`. */
function addValues(
  bins: Uint8Array,
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
    sums[at + 2] = (sums[at + 2] as number) + weight * (targets[index] as number);
  }
  return count;
}

/** The same of classes. */
function addClasses(
  bins: Uint8Array,
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
    const target = at + 2 + (targets[index] as number);
    sums[target] = (sums[target] as number) + weight;
  }
  return count;
}
