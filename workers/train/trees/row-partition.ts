/** Parts the rows of a leaf, in place: those that go left first, both sides in the order that they had. hot path */
import type { BinSplit } from "./bin-split.ts";
import type { BinnedColumn, BinnedRows } from "./binned-rows.ts";
import type { Bins } from "./column-bins.ts";

export class RowPartition {
  /** Row ids, leaf after leaf. */
  readonly rows: Int32Array;
  readonly #right: Int32Array;

  constructor(rowsMax: number) {
    this.rows = new Int32Array(rowsMax);
    this.#right = new Int32Array(rowsMax);
  }

  /** Parts positions begin … end. @returns where the right side begins */
  split(
    { bins, columns, rows: rowsAll }: BinnedRows<Bins>,
    begin: number,
    end: number,
    { place, bin, missingLeft, leftBins }: BinSplit,
  ): number {
    const { rows } = this;
    const right = this.#right;
    const { values, categories } = columns[place] as BinnedColumn;
    const column = place * rowsAll;
    const leftEnd =
      categories === undefined
        ? partNumbers(rows, right, bins, column, begin, end, bin, missingLeft ? values : bin)
        : partCategories(rows, right, bins, column, begin, end, leftBins);
    rows.set(right.subarray(0, end - leftEnd), leftEnd);
    return leftEnd;
  }
}

/**
 * Bins up to `last`, and the bin `other`, go left. Writes each row to both sides and moves one on: no branch that half of the rows
 * would mispredict.
 */
function partNumbers(
  rows: Int32Array,
  right: Int32Array,
  bins: Bins,
  column: number,
  begin: number,
  end: number,
  last: number,
  other: number,
): number {
  let leftAt = begin;
  let rightAt = 0;
  for (let index = begin; index < end; index++) {
    const row = rows[index] as number;
    const bin = bins[column + row] as number;
    const isLeft = Number(bin <= last) | Number(bin === other);
    rows[leftAt] = row;
    right[rightAt] = row;
    leftAt += isLeft;
    rightAt += 1 - isLeft;
  }
  return leftAt;
}

/** The same of categories. @param leftBins 1 for each bin that goes left */
function partCategories(
  rows: Int32Array,
  right: Int32Array,
  bins: Bins,
  column: number,
  begin: number,
  end: number,
  leftBins: Uint8Array,
): number {
  let leftAt = begin;
  let rightAt = 0;
  for (let index = begin; index < end; index++) {
    const row = rows[index] as number;
    const isLeft = leftBins[bins[column + row] as number] as number;
    rows[leftAt] = row;
    right[rightAt] = row;
    leftAt += isLeft;
    rightAt += 1 - isLeft;
  }
  return leftAt;
}
