/**
 * Where a column is cut into bins: at quantiles for numbers, one bin a code for categories.
 *
 * Invariant: the bins are what thresholds decide. A number x is in bin b when thresholds[b - 1] < x <= thresholds[b], compared
 * as float32, so that a split "bin <= b" and the exported "x <= thresholds[b]" part the same rows, and any later row likewise.
 * Bound: BINS_MAX value bins, so that they and the one for missing values fit a byte, or WIDE_BINS_MAX for two bytes.
 */
export const BINS_MAX = 255;
export const WIDE_BINS_MAX = 65_535;

/** Of a column's rows. */
export type Bins = Uint8Array | Uint16Array;

export interface NumberBins {
  /** Upper ends of all value bins but the last; ascending. */
  readonly thresholds: Float32Array;
  /** Value bins. */
  readonly values: number;
}

export interface CategoryBins {
  /** The code of each value bin. */
  readonly codes: Int32Array;
  /** The bin of each code; `codes.length` for those that share the bin of missing values. */
  readonly binOf: Uint8Array;
  readonly values: number;
}

/**
 * Cuts at quantiles: a value that alone fills a bin's share gets a bin of its own, the rest are cut into bins of like counts.
 * Few distinct values get a bin each.
 * @param sorted the column's values without NaN, ascending
 * @param binsMax at most WIDE_BINS_MAX
 */
export function numberBins(sorted: Float32Array, binsMax: number): NumberBins {
  const distinct = new Float32Array(sorted.length);
  const counts = new Int32Array(sorted.length);
  let length = 0;
  for (let index = 0; index < sorted.length; index++) {
    if (length > 0 && sorted[index] === distinct[length - 1]) {
      counts[length - 1] = (counts[length - 1] as number) + 1;
    } else {
      distinct[length] = sorted[index] as number;
      counts[length] = 1;
      length += 1;
    }
  }
  const ends =
    length <= binsMax ? everyValue(length) : quantileEnds(counts.subarray(0, length), binsMax, sorted.length);
  const thresholds = Float32Array.from(ends, (end) =>
    between(distinct[end] as number, distinct[end + 1] as number),
  );
  return { thresholds, values: length === 0 ? 0 : thresholds.length + 1 };
}

function everyValue(length: number): Int32Array {
  return Int32Array.from({ length: Math.max(length - 1, 0) }, (_, index) => index);
}

/** Indexes of the distinct values that end a bin, without the last one. */
function quantileEnds(counts: Int32Array, binsMax: number, total: number): number[] {
  const big = Uint8Array.from(counts, (count) => (count >= total / binsMax ? 1 : 0));
  let restBins = binsMax;
  let restRows = total;
  counts.forEach((count, index) => {
    if (big[index] === 0) return;
    restBins -= 1;
    restRows -= count;
  });
  const ends: number[] = [];
  let filled = 0;
  for (let index = 0; index < counts.length - 1 && ends.length < binsMax - 1; index++) {
    const share = restRows / Math.max(restBins, 1);
    const isBig = big[index] === 1;
    filled += counts[index] as number;
    const isFull = filled >= share || (big[index + 1] === 1 && filled >= share / 2);
    if (!isBig && !isFull) continue;
    ends.push(index);
    if (!isBig) {
      restBins -= 1;
      restRows -= filled;
    }
    filled = 0;
  }
  return ends;
}

/** The float32 in the middle of a < b, or a itself when there is none: always a <= it < b. */
function between(a: number, b: number): number {
  const middle = Math.fround(a / 2 + b / 2);
  return middle >= a && middle < b ? middle : a;
}

/** The most frequent codes get a bin each; the others share the bin of missing values. */
export function categoryBins(values: Float32Array, categories: number): CategoryBins {
  const counts = new Int32Array(categories);
  for (const value of values) if (value === value) counts[value] = (counts[value] as number) + 1;
  const seen = [...counts.keys()].filter((code) => (counts[code] as number) > 0);
  const kept = seen
    .sort((a, b) => (counts[b] as number) - (counts[a] as number) || a - b)
    .slice(0, BINS_MAX - 1)
    .sort((a, b) => a - b);
  const binOf = new Uint8Array(categories).fill(kept.length);
  for (const [bin, code] of kept.entries()) binOf[code] = bin;
  return { codes: Int32Array.from(kept), binOf, values: kept.length };
}

/**
 * The bins of numbers; `missing` for NaN. Halves the thresholds without a branch, which half of the values would
 * mispredict: 13 ns a value of a byte instead of 230. The last eight halvings are written out: a loop takes 20.
 */
export function assignNumbers(
  values: Float32Array,
  { thresholds }: NumberBins,
  missing: number,
  into: Bins,
): void {
  const ends = new Float32Array(2 ** Math.max(8, 32 - Math.clz32(thresholds.length))).fill(Infinity);
  ends.set(thresholds);
  const above = (value: number, at: number): number => Number(value > (ends[at] as number));
  for (let row = 0; row < values.length; row++) {
    const value = values[row] as number;
    let bin = 0;
    for (let half = ends.length >>> 1; half > 128; half >>>= 1) bin += half & -above(value, bin + half - 1);
    bin += above(value, bin + 127) << 7;
    bin += above(value, bin + 63) << 6;
    bin += above(value, bin + 31) << 5;
    bin += above(value, bin + 15) << 4;
    bin += above(value, bin + 7) << 3;
    bin += above(value, bin + 3) << 2;
    bin += above(value, bin + 1) << 1;
    bin += above(value, bin);
    into[row] = value === value ? bin : missing;
  }
}

/** The bins of codes; those of missing values for NaN and for codes without a bin. */
export function assignCategories(
  values: Float32Array,
  { binOf, values: missing }: CategoryBins,
  into: Bins,
): void {
  for (let row = 0; row < values.length; row++) {
    const value = values[row] as number;
    into[row] = value === value ? (binOf[value] as number) : missing;
  }
}
