/**
 * Random numbers that a seed repeats (mulberry32), for tests that do things at random moments.
 */

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
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  const shuffled = <T>(items: readonly T[]): T[] => {
    const order = [...items];
    for (let index = order.length - 1; index > 0; index--) {
      const other = between(0, index);
      [order[index], order[other]] = [order[other] as T, order[index] as T];
    }
    return order;
  };
  return { seed, next, between, shuffled };
}
