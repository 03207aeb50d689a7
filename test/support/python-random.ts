/**
 * The whole numbers below a bound that Python's `random.Random(seed)` gives: what its `sample` draws with. For comparing
 * with libraries that draw so. MT19937, seeded as Python does; M. Matsumoto, T. Nishimura, "Mersenne twister", 1998.
 */
import type { RandomSource } from "../../engine/core/seeded-random.ts";

const WORDS = 624;

export class PythonRandom implements RandomSource {
  readonly #seed: number;
  readonly #words = new Uint32Array(WORDS);
  #at = WORDS;
  state = 0;

  /** @param seed a whole number in 0 … 2^32 - 1. */
  constructor(seed: number) {
    this.#seed = seed;
    this.reset();
  }

  /** By rejection: as many bits as `count` has, until they are below it. */
  below(count: number): number {
    const shift = Math.clz32(count);
    for (;;) {
      const drawn = this.#word() >>> shift;
      if (drawn < count) return drawn;
    }
  }

  reset(): void {
    this.#fill(19_650_218);
    const words = this.#words;
    let at = 1;
    for (let left = WORDS; left > 0; left--) {
      words[at] = ((words[at] as number) ^ Math.imul(this.#mixed(at), 1_664_525)) + this.#seed;
      at = this.#after(at);
    }
    for (let left = WORDS - 1; left > 0; left--) {
      words[at] = ((words[at] as number) ^ Math.imul(this.#mixed(at), 1_566_083_941)) - at;
      at = this.#after(at);
    }
    words[0] = 0x8000_0000;
    this.#at = WORDS;
  }

  #fill(seed: number): void {
    this.#words[0] = seed;
    for (let at = 1; at < WORDS; at++) this.#words[at] = Math.imul(this.#mixed(at), 1_812_433_253) + at;
  }

  #mixed(at: number): number {
    const before = this.#words[at - 1] as number;
    return before ^ (before >>> 30);
  }

  #after(at: number): number {
    if (at + 1 < WORDS) return at + 1;
    this.#words[0] = this.#words[WORDS - 1] as number;
    return 1;
  }

  #word(): number {
    if (this.#at === WORDS) this.#twist();
    let word = this.#words[this.#at++] as number;
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c_5680;
    word ^= (word << 15) & 0xefc6_0000;
    return (word ^ (word >>> 18)) >>> 0;
  }

  #twist(): void {
    const words = this.#words;
    for (let at = 0; at < WORDS; at++) {
      const next = words[(at + 1) % WORDS] as number;
      const joined = ((words[at] as number) & 0x8000_0000) | (next & 0x7fff_ffff);
      words[at] = (words[(at + 397) % WORDS] as number) ^ (joined >>> 1) ^ (joined & 1 ? 0x9908_b0df : 0);
    }
    this.#at = 0;
  }
}
