/** Parts the rows of a leaf, in place: those that go left first, both sides in the order that they had. hot path */
export class RowPartition {
  /** Row ids, leaf after leaf. */
  readonly rows: Int32Array;
  readonly #right: Int32Array;
  /** For each bin whether its rows go left; filled by the caller. */
  readonly table = new Uint8Array(256);

  constructor(rowsMax: number) {
    this.rows = new Int32Array(rowsMax);
    this.#right = new Int32Array(rowsMax);
  }

  /**
   * Parts positions begin … end by `table`. @returns where the right side begins
   * @param column index of the column's first bin in `bins`
   */
  split(bins: Uint8Array, column: number, begin: number, end: number): number {
    const leftEnd = part(this.rows, this.#right, this.table, bins, column, begin, end);
    this.rows.set(this.#right.subarray(0, end - leftEnd), leftEnd);
    return leftEnd;
  }
}

/** Writes each row to both sides and moves one on: no branch that half of the rows would mispredict. */
function part(
  rows: Int32Array,
  right: Int32Array,
  table: Uint8Array,
  bins: Uint8Array,
  column: number,
  begin: number,
  end: number,
): number {
  let leftAt = begin;
  let rightAt = 0;
  for (let index = begin; index < end; index++) {
    const row = rows[index] as number;
    const isLeft = table[bins[column + row] as number] as number;
    rows[leftAt] = row;
    right[rightAt] = row;
    leftAt += isLeft;
    rightAt += 1 - isLeft;
  }
  return leftAt;
}
