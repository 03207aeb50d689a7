/**
 * Histograms of gradients: for each bin of each column the sums of gradients and of hessians over the rows of a leaf. hot path
 *
 *     histogram   [g, h] of column 0's bin 0, bin 1, … bin of missing values │ column 1 …      float64
 *
 * Long loops stand in functions of their own that end with them: V8 (Node 20) compiles a loop that it finds running, and gives that code
 * up over and over when the function goes on behind it (1,790 times in 100 trees).
 *
 * Four columns are read in one pass: a row's index and gradients are loaded once for four sums, and sums into the same bin,
 * which wait for each other, stand further apart. The loop alone takes 1.5 ns a row and column instead of 2.3 with one; row-major bins 1.6
 * on 32,000 rows, but three times as long on small leaves of a million (bench/train.bench has the whole). The same rows in the
 * same order give the same bits.
 */
import type { BinnedRows } from "./binned-rows.ts";

/** The sum of the gradients (`which` 0) or hessians (1) of the first `count` rows. */
export function sumOf(gradients: Float32Array, which: number, rows: Int32Array, count: number): number {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += gradients[2 * (rows[index] as number) + which] as number;
  return sum;
}

/** Puts the gradients of the rows at positions begin … end in the order of the positions. */
export function gather(
  gradients: Float32Array,
  rows: Int32Array,
  begin: number,
  end: number,
  into: Float32Array,
): void {
  for (let index = begin; index < end; index++) {
    const row = rows[index] as number;
    into[2 * index] = gradients[2 * row] as number;
    into[2 * index + 1] = gradients[2 * row + 1] as number;
  }
}

/** Adds the rows at positions begin … end of `rows`, whose gradients stand in the same order, for the columns at `places`. */
export function addRows(
  { bins, offsets, rows: rowsAll }: BinnedRows,
  places: Int32Array,
  rows: Int32Array,
  gradients: Float32Array,
  begin: number,
  end: number,
  histogram: Float64Array,
): void {
  const column = (at: number): number => (places[at] as number) * rowsAll;
  const start = (at: number): number => 2 * (offsets[places[at] as number] as number);
  let at = 0;
  for (; at + 4 <= places.length; at += 4)
    addFour(
      bins,
      rows,
      gradients,
      begin,
      end,
      histogram,
      column(at),
      column(at + 1),
      column(at + 2),
      column(at + 3),
      start(at),
      start(at + 1),
      start(at + 2),
      start(at + 3),
    );
  for (; at + 2 <= places.length; at += 2)
    addTwo(
      bins,
      rows,
      gradients,
      begin,
      end,
      histogram,
      column(at),
      column(at + 1),
      start(at),
      start(at + 1),
    );
  if (at < places.length) addOne(bins, rows, gradients, begin, end, histogram, column(at), start(at));
}

function addFour(
  bins: Uint8Array,
  rows: Int32Array,
  gradients: Float32Array,
  begin: number,
  end: number,
  histogram: Float64Array,
  column0: number,
  column1: number,
  column2: number,
  column3: number,
  start0: number,
  start1: number,
  start2: number,
  start3: number,
): void {
  for (let index = begin; index < end; index++) {
    const row = rows[index] as number;
    const gradient = gradients[2 * index] as number;
    const hessian = gradients[2 * index + 1] as number;
    add(histogram, start0 + ((bins[column0 + row] as number) << 1), gradient, hessian);
    add(histogram, start1 + ((bins[column1 + row] as number) << 1), gradient, hessian);
    add(histogram, start2 + ((bins[column2 + row] as number) << 1), gradient, hessian);
    add(histogram, start3 + ((bins[column3 + row] as number) << 1), gradient, hessian);
  }
}

function addTwo(
  bins: Uint8Array,
  rows: Int32Array,
  gradients: Float32Array,
  begin: number,
  end: number,
  histogram: Float64Array,
  column0: number,
  column1: number,
  start0: number,
  start1: number,
): void {
  for (let index = begin; index < end; index++) {
    const row = rows[index] as number;
    const gradient = gradients[2 * index] as number;
    const hessian = gradients[2 * index + 1] as number;
    add(histogram, start0 + ((bins[column0 + row] as number) << 1), gradient, hessian);
    add(histogram, start1 + ((bins[column1 + row] as number) << 1), gradient, hessian);
  }
}

function addOne(
  bins: Uint8Array,
  rows: Int32Array,
  gradients: Float32Array,
  begin: number,
  end: number,
  histogram: Float64Array,
  column: number,
  start: number,
): void {
  for (let index = begin; index < end; index++) {
    const at = start + ((bins[column + (rows[index] as number)] as number) << 1);
    add(histogram, at, gradients[2 * index] as number, gradients[2 * index + 1] as number);
  }
}

function add(histogram: Float64Array, at: number, gradient: number, hessian: number): void {
  histogram[at] = (histogram[at] as number) + gradient;
  histogram[at + 1] = (histogram[at + 1] as number) + hessian;
}

/** What is left of a parent's histogram without one child's: its other child's. In place. */
export function subtract(parent: Float64Array, child: Float64Array): void {
  for (let index = 0; index < parent.length; index++)
    parent[index] = (parent[index] as number) - (child[index] as number);
}

/**
 * Histograms to use again. Bound: `bytesMax`; a leaf that gets none is counted anew when it is split.
 */
export class HistogramPool {
  readonly #free: Float64Array[] = [];
  readonly #length: number;
  #left: number;

  constructor(bins: number, countMax: number, bytesMax: number) {
    this.#length = 2 * bins;
    this.#left = Math.min(countMax, Math.floor(bytesMax / (16 * bins)));
  }

  /** All zeros. */
  take(): Float64Array | undefined {
    const used = this.#free.pop();
    if (used !== undefined) return used.fill(0);
    if (this.#left === 0) return undefined;
    this.#left -= 1;
    return new Float64Array(this.#length);
  }

  give(histogram: Float64Array | undefined): void {
    if (histogram !== undefined) this.#free.push(histogram);
  }
}
