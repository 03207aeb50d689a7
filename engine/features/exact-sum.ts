// hot path
/**
 * Sums that do not depend on the order of their terms: integers of up to 104 bits as two doubles, high * 2^52 + low,
 * 0 <= low < 2^52. Values become integers by a fixed number of decimal places.
 *
 * So the same events give the same bits whatever their order and grouping, and ClickHouse gets the same integers
 * from `sum(toInt128(…))`. Bounds: |term| <= 2^52 for sums, 2^45 for sums of squares.
 */

export const LIMB = 2 ** 52;
/** Largest scaled value that can be summed, and whose squares can. */
export const TERM_MAX = 2 ** 52;
export const SQUARED_TERM_MAX = 2 ** 45;
const HALF = 2 ** 26;

/** A value as an integer of `scale` = 10^decimals parts, half up. */
export function toScaled(value: number, scale: number): number {
  return Math.floor(value * scale + 0.5);
}

/** Adds an integer to the pair at `at` (high) and `at + 1` (low). */
export function addInteger(sums: Float64Array, at: number, term: number): void {
  addPair(sums, at, 0, term);
}

/** Adds high * 2^52 + low; |low| < 2^53. */
export function addPair(sums: Float64Array, at: number, high: number, low: number): void {
  const total = (sums[at + 1] as number) + low;
  const carry = Math.floor(total / LIMB);
  sums[at] = (sums[at] as number) + high + carry;
  sums[at + 1] = total - carry * LIMB;
}

/** Adds the square of an integer: (a * 2^26 + b)^2, a and b of at most 26 bits. */
export function addSquare(sums: Float64Array, at: number, term: number): void {
  const magnitude = Math.abs(term);
  const a = Math.floor(magnitude / HALF);
  const b = magnitude - a * HALF;
  const middle = 2 * a * b; // times 2^26
  const middleHigh = Math.floor(middle / HALF);
  addPair(sums, at, a * a + middleHigh, (middle - middleHigh * HALF) * HALF);
  addPair(sums, at, 0, b * b);
}

/** The integer as the nearest double. */
export function toNumber(high: number, low: number): number {
  return high * LIMB + low;
}

export function toBigInt(high: number, low: number): bigint {
  return BigInt(high) * BigInt(LIMB) + BigInt(low);
}

/** The pair of an integer. */
export function fromBigInt(value: bigint): readonly [high: number, low: number] {
  const low = BigInt.asUintN(52, value);
  return [Number((value - low) / BigInt(LIMB)), Number(low)];
}
