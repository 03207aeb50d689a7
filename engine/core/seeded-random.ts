// hot path
/**
 * Random numbers that a seed repeats on every machine: mulberry32, a well-known generator in the public domain. Not for secrets.
 *
 * Its state is one number of 32 bits, which can be stored; after 2^32 numbers they come again. Trees draw more (workers/train/trees/random).
 */

export interface RandomSource {
  /** Whole number in 0 … count - 1. */
  below(count: number): number;
  /** Goes back to the seed. */
  reset(): void;
  readonly state: number;
}

export class SeededRandom implements RandomSource {
  readonly #seed: number;
  #state: number;

  /** @param state where to go on; the seed itself is the beginning. */
  constructor(seed: number, state = seed) {
    this.#seed = seed | 0;
    this.#state = state | 0;
  }

  get state(): number {
    return this.#state;
  }

  /** From 0 up to, not including, 1. */
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    const state = this.#state;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) * 2 ** -32;
  }

  below(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  /** Mean 0, deviation 1 (Box and Muller; two uniform numbers each, and 1 less one of them is never 0). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** An index, drawn in proportion to the weights. */
  weighted(weights: readonly number[] | Float64Array, sum = sumOf(weights)): number {
    let left = this.uniform() * sum;
    for (const [index, weight] of weights.entries()) {
      left -= weight;
      if (left < 0) return index;
    }
    return weights.length - 1;
  }

  /** In place; each order is as likely as any other (Fisher and Yates). */
  shuffle(items: Uint32Array): void {
    for (let index = items.length - 1; index > 0; index--) {
      const other = this.below(index + 1);
      const item = items[index] as number;
      items[index] = items[other] as number;
      items[other] = item;
    }
  }

  reset(): void {
    this.#state = this.#seed;
  }
}

function sumOf(weights: readonly number[] | Float64Array): number {
  let sum = 0;
  for (const weight of weights) sum += weight;
  return sum;
}
