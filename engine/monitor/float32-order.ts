// hot path
/**
 * Float32 as whole numbers in the same order, and sorting by them.
 *
 * The bits of a float, read as an int32, ascend for positive values and descend for negative ones; turning all bits but
 * the sign of the negative ones gives one order. -0 comes just before 0; -Inf and Inf are the ends; NaN is left out.
 */

const RADIX_BITS = 11;
const RADIX = 1 << RADIX_BITS;
const MASK = RADIX - 1;
const SIGN = 0x80000000;
/** Below this, the native sort is as fast. */
const RADIX_FROM = 2048;

const scratch = new Float32Array(1);
const scratchBits = new Int32Array(scratch.buffer);

/** Whole numbers that are ordered as the floats are. `bits` is the float's, as an int32. */
export function orderedKey(bits: number): number {
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

/** The key of a float32 that is no NaN. */
export function keyOfFloat32(value: number): number {
  scratch[0] = value;
  return orderedKey(scratchBits[0] as number);
}

function float32OfKey(key: number): number {
  scratchBits[0] = orderedKey(key);
  return scratch[0] as number;
}

/** The next smaller float32; -0 counts as 0. -Infinity of the smallest one. */
export function previousFloat32(value: number): number {
  return float32OfKey(keyOfFloat32(value === 0 ? -0 : value) - 1);
}

/** The values without NaN, ascending, as a new array. */
export function sortedFloat32(values: Float32Array): Float32Array {
  return values.length < RADIX_FROM
    ? values.filter((value) => !Number.isNaN(value)).sort()
    : radixSorted(values);
}

/** Three passes over 11, 11 and 10 bits, least significant first; the counts of all three come from one reading. */
function radixSorted(values: Float32Array): Float32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const first = new Uint32Array(values.length);
  const low = new Uint32Array(RADIX);
  const middle = new Uint32Array(RADIX);
  const high = new Uint32Array(RADIX);
  let count = 0;
  for (let at = 0; at < bits.length; at++) {
    const word = bits[at] as number;
    if ((word & 0x7fffffff) > 0x7f800000) continue;
    const key = word ^ ((word >> 31) | SIGN);
    first[count++] = key;
    low[key & MASK] = (low[key & MASK] as number) + 1;
    middle[(key >>> 11) & MASK] = (middle[(key >>> 11) & MASK] as number) + 1;
    high[key >>> 22] = (high[key >>> 22] as number) + 1;
  }
  toStarts(low);
  toStarts(middle);
  toStarts(high);
  const second = new Uint32Array(count);
  scatter(first, second, count, low, 0);
  scatter(second, first, count, middle, RADIX_BITS);
  scatter(first, second, count, high, 2 * RADIX_BITS);
  for (let at = 0; at < count; at++) {
    const key = second[at] as number;
    second[at] = key ^ (~(key >> 31) | SIGN);
  }
  return new Float32Array(second.buffer);
}

/** From counts to the place of the first one of each. */
function toStarts(counts: Uint32Array): void {
  let start = 0;
  for (let digit = 0; digit < RADIX; digit++) {
    const count = counts[digit] as number;
    counts[digit] = start;
    start += count;
  }
}

function scatter(
  from: Uint32Array,
  to: Uint32Array,
  count: number,
  places: Uint32Array,
  shift: number,
): void {
  for (let at = 0; at < count; at++) {
    const key = from[at] as number;
    const digit = (key >>> shift) & MASK;
    const place = places[digit] as number;
    places[digit] = place + 1;
    to[place] = key;
  }
}
