/**
 * Random numbers that a seed repeats, for tests that do things at random moments.
 */
import { SeededRandom } from "../../engine/core/seeded-random.ts";

export interface Random {
  readonly seed: number;
  /** From 0 up to 1. */
  next(): number;
  /** An integer from `low` up to and with `high`. */
  between(low: number, high: number): number;
  /** The same items in another order. */
  shuffled<T>(items: readonly T[]): T[];
}

/** A test names the seed it ran with, so that a failure can be repeated: TEST_SEED=… */
export function createRandom(seed = Number(process.env["TEST_SEED"] ?? Date.now() % 1_000_000)): Random {
  const random = new SeededRandom(seed);
  return {
    seed,
    next: () => random.uniform(),
    between: (low, high) => low + random.below(high - low + 1),
    shuffled: (items) => {
      const order = Uint32Array.from(items.keys());
      random.shuffle(order);
      return Array.from(order, (at) => items[at] as (typeof items)[number]);
    },
  };
}
