// hot path
/**
 * The bin of a float32 among frozen edges, in a few nanoseconds.
 *
 * A table over the upper bits of the value's ordered key (float32-order), from the first edge to the last, says how many
 * edges are below the cell that the value falls into; edges within the cell are compared one by one. Cells are as fine as
 * CELLS_MAX allows for the column's range of keys, so that few values need a comparison that the processor cannot foresee.
 *
 * V8 checks every array anew in each turn of a loop, unless it is a constant of the module: hence the scratch arrays here, and
 * four rows a turn (see DECISIONS.md). Bound: COUNTED_ROWS_MAX rows at once.
 */
import { keyOfFloat32, orderedKey } from "./float32-order.ts";

/** Rows that `count` takes at once. */
export const COUNTED_ROWS_MAX = 512;
/** 2048 cells are 1.6 times as slow for 64 bins; 32768 are no faster (see DECISIONS.md). */
const CELLS_MAX = 8192;
/** The keys of the infinities; those of NaN are beyond. */
const KEY_FIRST = keyOfFloat32(-Infinity);
const KEY_LAST = keyOfFloat32(Infinity);
/** Bins are numbered with 16 bits; null has one more slot. */
const SLOTS_MAX = 0x10001;

const keysOfRows = new Int32Array(COUNTED_ROWS_MAX);
const keysLeft = new Int32Array(COUNTED_ROWS_MAX);
/** All 0 between two calls. */
const tally = new Uint32Array(SLOTS_MAX);

export class NumberBins {
  /** Bins of values; the next slot is that of NaN. */
  readonly bins: number;
  /** Of the edges, and the highest of all numbers, which ends the comparing. */
  readonly #keys: Int32Array;
  readonly #table: Uint16Array;
  readonly #shift: number;
  /** Cell number of the table's first entry. Values below are in it too, as those above are in the last one. */
  readonly #firstCell: number;

  /** `edges`: float32, ascending, none of them -0. */
  constructor(edges: readonly number[]) {
    this.bins = edges.length + 1;
    this.#keys = Int32Array.from([...edges.map(keyOfFloat32), KEY_LAST]);
    const low = this.#keys[0] as number;
    const high = this.#keys[Math.max(0, edges.length - 1)] as number;
    let shift = 0;
    while ((high >> shift) - (low >> shift) + 2 > CELLS_MAX) shift++;
    this.#shift = shift;
    this.#firstCell = low >> shift;
    this.#table = new Uint16Array((high >> shift) - this.#firstCell + 2);
    let below = 0;
    for (let cell = 1; cell < this.#table.length; cell++) {
      const smallest = (this.#firstCell + cell) * 2 ** shift;
      while (below < edges.length && (this.#keys[below] as number) < smallest) below++;
      this.#table[cell] = below;
    }
  }

  /** The slot of one value. A double is rounded to float32 first. */
  slotOf(value: number): number {
    return Number.isNaN(value) ? this.bins : this.#slotOfKey(keyOfFloat32(value));
  }

  /**
   * Counts a value of each of the first `rows` rows: float32 values of `view`, `offset` bytes behind the row's place. The slots
   * of this column begin at `start` of `counts`.
   */
  count(
    view: DataView,
    places: Int32Array,
    rows: number,
    offset: number,
    counts: Uint32Array,
    start: number,
  ): void {
    const keys = this.#keys;
    const table = this.#table;
    const shift = this.#shift;
    const firstCell = this.#firstCell;
    readKeys(view, places, rows, offset);
    let left = 0;
    let row = 0;
    for (; row + 4 <= rows; row += 4) {
      left = tallyKey(keysOfRows[row] as number, keys, table, shift, firstCell, left);
      left = tallyKey(keysOfRows[row + 1] as number, keys, table, shift, firstCell, left);
      left = tallyKey(keysOfRows[row + 2] as number, keys, table, shift, firstCell, left);
      left = tallyKey(keysOfRows[row + 3] as number, keys, table, shift, firstCell, left);
    }
    for (; row < rows; row++) left = tallyKey(keysOfRows[row] as number, keys, table, shift, firstCell, left);
    for (let at = 0; at < left; at++) {
      const slot = this.#slotOfKey(keysLeft[at] as number);
      tally[slot] = (tally[slot] as number) + 1;
    }
    for (let slot = 0; slot <= this.bins; slot++) {
      counts[start + slot] = (counts[start + slot] as number) + (tally[slot] as number);
      tally[slot] = 0;
    }
  }

  #slotOfKey(key: number): number {
    if (key < KEY_FIRST || key > KEY_LAST) return this.bins;
    const lastCell = this.#table.length - 1;
    const cell = Math.min(Math.max((key >> this.#shift) - this.#firstCell, 0), lastCell);
    let bin = this.#table[cell] as number;
    while ((this.#keys[bin] as number) < key) bin++;
    return bin;
  }
}

/** Ordered keys of the values into keysOfRows. */
function readKeys(view: DataView, places: Int32Array, rows: number, offset: number): void {
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    keysOfRows[row] = orderedKey(view.getInt32((places[row] as number) + offset, true));
    keysOfRows[row + 1] = orderedKey(view.getInt32((places[row + 1] as number) + offset, true));
    keysOfRows[row + 2] = orderedKey(view.getInt32((places[row + 2] as number) + offset, true));
    keysOfRows[row + 3] = orderedKey(view.getInt32((places[row + 3] as number) + offset, true));
  }
  for (; row < rows; row++)
    keysOfRows[row] = orderedKey(view.getInt32((places[row] as number) + offset, true));
}

/** Counts a value in the bin of its cell; one that may be beyond an edge within the cell, or is NaN, goes to keysLeft: how many it holds. */
function tallyKey(
  key: number,
  keys: Int32Array,
  table: Uint16Array,
  shift: number,
  firstCell: number,
  left: number,
): number {
  let cell = (key >> shift) - firstCell;
  if (cell < 0) cell = 0;
  else if (cell >= table.length) cell = table.length - 1;
  const bin = table[cell] as number;
  if ((keys[bin] as number) < key || key < KEY_FIRST) {
    keysLeft[left] = key;
    return left + 1;
  }
  tally[bin] = (tally[bin] as number) + 1;
  return left;
}
