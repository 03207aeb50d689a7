// hot path
/**
 * The bin of a float32 among frozen edges, in a few nanoseconds.
 *
 * A table over the upper bits of the value's ordered key (float32-order), from the first edge to the last, says how many
 * edges are below the cell that the value falls into; edges within the cell are compared one by one. Cells are as fine as
 * CELLS_MAX allows for the column's range of keys, so that few values need a comparison that the processor cannot foresee.
 */
import { keyOfFloat32 } from "./float32-order.ts";

/** 2048 cells are 1.6 times as slow for 64 bins; 32768 are no faster (see DECISIONS.md). */
const CELLS_MAX = 8192;
/** Above the keys of all numbers: it ends the comparing of edges. */
const KEY_END = 0x7fffffff;
/** NaN has bits above these, its sign aside. */
const INFINITY_BITS = 0x7f800000;

export class NumberBins {
  /** Bins of values; the next slot is that of NaN. */
  readonly bins: number;
  readonly #keys: Int32Array;
  readonly #table: Uint16Array;
  readonly #shift: number;
  /** Cell number of the table's first entry. Values below are in it too, as those above are in the last one. */
  readonly #firstCell: number;

  /** `edges`: float32, ascending, none of them -0. */
  constructor(edges: readonly number[]) {
    this.bins = edges.length + 1;
    this.#keys = Int32Array.from([...edges.map(keyOfFloat32), KEY_END]);
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
    if (Number.isNaN(value)) return this.bins;
    const key = keyOfFloat32(value);
    const table = this.#table;
    const cell = Math.min(Math.max((key >> this.#shift) - this.#firstCell, 0), table.length - 1);
    let bin = table[cell] as number;
    while ((this.#keys[bin] as number) < key) bin++;
    return bin;
  }

  /**
   * Counts the values at `from`, `from + stride`, ... below `to`. `bits`: float32 values read as int32. The slots of this
   * column begin at `start` of `counts`.
   */
  count(
    bits: Int32Array,
    from: number,
    to: number,
    stride: number,
    counts: Uint32Array,
    start: number,
  ): void {
    const keys = this.#keys;
    const table = this.#table;
    const shift = this.#shift;
    const firstCell = this.#firstCell;
    const lastCell = table.length - 1;
    const nullSlot = start + this.bins;
    for (let at = from; at < to; at += stride) {
      const word = bits[at] as number;
      if ((word & 0x7fffffff) > INFINITY_BITS) {
        counts[nullSlot] = (counts[nullSlot] as number) + 1;
        continue;
      }
      // orderedKey, written out
      const key = word ^ ((word >> 31) & 0x7fffffff);
      let cell = (key >> shift) - firstCell;
      if (cell < 0) cell = 0;
      else if (cell > lastCell) cell = lastCell;
      let bin = table[cell] as number;
      while ((keys[bin] as number) < key) bin++;
      counts[start + bin] = (counts[start + bin] as number) + 1;
    }
  }
}
