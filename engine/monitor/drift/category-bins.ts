/**
 * The bin of a category among those of a reference profile: one per listed value, then one for all that are not listed, and
 * the slot of null.
 */

export class CategoryBins {
  /** Bins of values; the next slot is that of null. */
  readonly bins: number;
  readonly #places: ReadonlyMap<string, number>;

  constructor(values: readonly string[]) {
    this.#places = new Map(values.map((value, bin) => [value, bin]));
    this.bins = values.length + 1;
  }

  /** "" is null, as in the prediction log. */
  slotOf(text: string | null): number {
    if (text === null || text === "") return this.bins;
    return this.#places.get(text) ?? this.bins - 1;
  }
}
