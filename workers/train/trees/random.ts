/**
 * The one source of randomness of tree training: the same seed gives the same numbers on every machine.
 *
 * sfc32 (Chris Doty-Humphrey, public domain), and not the generator of engine/core/seeded-random: that repeats itself after 2^32 numbers,
 * which a forest on a million rows draws.
 */
export class TreeRandom {
  #a: number;
  #b: number;
  #c: number;
  #count = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = 0x9e3779b9 | 0;
    this.#c = 0x243f6a88 | 0;
    for (let round = 0; round < 12; round++) this.#next();
  }

  /** From 0 up to 1. */
  uniform(): number {
    return (this.#next() >>> 0) * 2 ** -32;
  }

  /** A whole number in 0 … count - 1. */
  below(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum;
  }
}

/** `count` of the numbers 0 … total - 1 in ascending order, every choice equally likely (Knuth's algorithm S). */
export function drawSorted(random: TreeRandom, total: number, count: number, into: Int32Array): Int32Array {
  let taken = 0;
  for (let index = 0; index < total && taken < count; index++) {
    if (random.uniform() * (total - index) < count - taken) {
      into[taken] = index;
      taken += 1;
    }
  }
  return into.subarray(0, taken);
}
