/** Times at which requests of an open loop are due: a Poisson process, the same for the same seed. */
import { createRandom } from "../../test/support/random.ts";

export class Arrivals {
  readonly #random: { next(): number };
  readonly #meanMs: number;
  /** ms from the start. */
  next = 0;

  /** @param rate per second. */
  constructor(rate: number, seed: number) {
    this.#random = createRandom(seed);
    this.#meanMs = 1000 / rate;
    this.advance();
  }

  advance(): void {
    this.next -= Math.log(1 - this.#random.next()) * this.#meanMs;
  }
}
