/** Times at which requests of an open loop are due: a Poisson process, the same for the same seed. */
import { SeededRandom } from "../../engine/core/seeded-random.ts";

export class Arrivals {
  readonly #random: SeededRandom;
  readonly #meanMs: number;
  /** ms from the start. */
  next = 0;

  /** @param rate per second. */
  constructor(rate: number, seed: number) {
    this.#random = new SeededRandom(seed);
    this.#meanMs = 1000 / rate;
    this.advance();
  }

  advance(): void {
    this.next -= Math.log(1 - this.#random.uniform()) * this.#meanMs;
  }
}
