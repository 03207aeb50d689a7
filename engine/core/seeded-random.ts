// hot path
/** Random numbers that a seed repeats, from a generator whose whole state is one number that can be stored. */

export interface RandomSource {
  /** Whole number in 0 … count - 1. */
  below(count: number): number;
  /** Goes back to the seed. */
  reset(): void;
  readonly state: number;
}

/** mulberry32, a well-known 32-bit generator in the public domain. Not for secrets. */
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

  below(count: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    const state = this.#state;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) * 2 ** -32 * count);
  }

  reset(): void {
    this.#state = this.#seed;
  }
}
