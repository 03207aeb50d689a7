// hot path
/**
 * The bin of a category among those of a reference profile: one per listed value, then one for all that are not listed, and
 * the slot of null.
 */
import { BytesMap } from "../../core/bytes-map.ts";

export class CategoryBins {
  /** Bins of values; the next slot is that of null. */
  readonly bins: number;
  readonly #places: ReadonlyMap<string, number>;
  readonly #placesOfBytes = new BytesMap<number>();

  constructor(values: readonly string[]) {
    this.#places = new Map(values.map((value, bin) => [value, bin]));
    for (const [value, bin] of this.#places) this.#placesOfBytes.set(Buffer.from(value), bin);
    this.bins = values.length + 1;
  }

  /** "" is null, as in the prediction log. */
  slotOf(text: string | null): number {
    if (text === null || text === "") return this.bins;
    return this.#places.get(text) ?? this.bins - 1;
  }

  /** The slot of the text at [start, end) of `bytes`, in UTF-8. */
  slotOfBytes(bytes: Uint8Array, start: number, end: number): number {
    if (start === end) return this.bins;
    return this.#placesOfBytes.get(bytes, start, end) ?? this.bins - 1;
  }
}
