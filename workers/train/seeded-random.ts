/** Random numbers that a seed repeats: mulberry32, a well-known 32-bit generator in the public domain. Not for secrets. */
export interface SeededRandom {
  /** From 0 up to, not including, 1. */
  next(): number;
}

/** @param seed a whole number of 32 bits */
export function seededRandom(seed: number): SeededRandom {
  let state = seed | 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) | 0;
      let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
      mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
      return ((mixed ^ (mixed >>> 14)) >>> 0) * 2 ** -32;
    },
  };
}

/** In place; each order is as likely as any other (Fisher and Yates). */
export function shuffle(items: Uint32Array, random: SeededRandom): void {
  for (let index = items.length - 1; index > 0; index--) {
    const other = Math.floor(random.next() * (index + 1));
    const item = items[index] as number;
    items[index] = items[other] as number;
    items[other] = item;
  }
}
