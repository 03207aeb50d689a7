// hot path
/**
 * Counts served rows in the bins of a reference profile.
 *
 * All columns share one array of counts: the slots of a column are its bins and then one for null, and columns follow each
 * other as in the profile. So the counters of a minute are one array, and a window is a sum of arrays.
 */

import type { ReferenceProfile } from "../references/reference-profile.ts";
import { CategoryBins } from "./category-bins.ts";
import { NumberBins } from "./number-bins.ts";

export class BinCounter {
  /** Length of an array of counts: the slots of all columns. */
  readonly slots: number;
  /** First slot of each column of the profile. */
  readonly starts: readonly number[];
  /** Numbers of a row: the profile's inputs that are numbers, in its order. */
  readonly stride: number;
  readonly #bins: readonly (NumberBins | CategoryBins)[];
  readonly #inputs: readonly NumberBins[];
  readonly #inputStarts: readonly number[];

  constructor({ columns }: ReferenceProfile) {
    let slots = 0;
    this.starts = columns.map(({ counts }) => {
      const start = slots;
      slots += counts.length + 1;
      return start;
    });
    this.slots = slots;
    this.#bins = columns.map((column) =>
      column.type === "number" ? new NumberBins(column.edges) : new CategoryBins(column.values),
    );
    const inputs: NumberBins[] = [];
    this.#inputStarts = columns.flatMap(({ role }, at) => {
      const bins = this.#bins[at];
      if (role !== "input" || !(bins instanceof NumberBins)) return [];
      inputs.push(bins);
      return [this.starts[at] as number];
    });
    this.#inputs = inputs;
    this.stride = inputs.length;
  }

  /**
   * Counts the number inputs of `rows` rows of one minute, float32 in `view` from the rows' places on: `stride` a row, NaN
   * for null. Column by column, so that a column's table stays in the processor's cache.
   */
  countRows(view: DataView, places: Int32Array, rows: number, counts: Uint32Array): void {
    for (let column = 0; column < this.stride; column++) {
      const bins = this.#inputs[column] as NumberBins;
      bins.count(view, places, rows, 4 * column, counts, this.#inputStarts[column] as number);
    }
  }

  /** Counts a value of column `at` of the profile, which is of numbers: of `rows` rows, each at its place of `view`. */
  countNumbers(at: number, view: DataView, places: Int32Array, rows: number, counts: Uint32Array): void {
    (this.#bins[at] as NumberBins).count(view, places, rows, 0, counts, this.starts[at] as number);
  }

  /** Counts the text at [start, end) of `bytes`, in UTF-8, in column `at` of the profile, which is of categories. */
  countText(at: number, bytes: Uint8Array, start: number, end: number, counts: Uint32Array): void {
    const slot =
      (this.starts[at] as number) + (this.#bins[at] as CategoryBins).slotOfBytes(bytes, start, end);
    counts[slot] = (counts[slot] as number) + 1;
  }

  /** The slot of a value in column `at` of the profile: a number, NaN for null, or a text, "" for null, as the column has. */
  slotOf(at: number, value: number | string): number {
    const bins = this.#bins[at] as NumberBins | CategoryBins;
    const slot = bins instanceof NumberBins ? bins.slotOf(Number(value)) : bins.slotOf(String(value));
    return (this.starts[at] as number) + slot;
  }
}
