/**
 * Statistics of a column of numbers, by numpy's and scikit-learn's definitions. All of them take values without
 * missing ones, at least one, and give the same for the same values in the same order.
 */

export function meanOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

export function minOf(values: Float64Array): number {
  return values.reduce((least, value) => Math.min(least, value));
}

export function maxOf(values: Float64Array): number {
  return values.reduce((most, value) => Math.max(most, value));
}

/** Of the population: divided by n. */
export function varianceOf(values: Float64Array): number {
  const mean = meanOf(values);
  let squares = 0;
  let rest = 0;
  for (const value of values) {
    squares += (value - mean) ** 2;
    rest += value - mean;
  }
  // what rounding of the mean left over is taken out, as scikit-learn does
  return (squares - rest ** 2 / values.length) / values.length;
}

/** Standard deviation to divide by: 1 for values that are all the same within rounding. */
export function standardScaleOf(values: Float64Array): number {
  const mean = meanOf(values);
  const variance = varianceOf(values);
  const count = values.length;
  const rounding = count * Number.EPSILON * variance + (count * mean * Number.EPSILON) ** 2;
  return variance <= rounding ? 1 : Math.sqrt(variance);
}

/** Interpolated linearly between neighbours; `percent` from 0 to 100. */
export function percentileOf(values: Float64Array, percent: number): number {
  const sorted = values.toSorted();
  const place = (percent / 100) * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (place - below);
}

/** The lowest of the most frequent ones. */
export function mostFrequentOf<Value extends string | number>(
  values: Iterable<Value>,
  compare: (a: Value, b: Value) => number,
): Value | undefined {
  const counts = new Map<Value, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  let best: Value | undefined;
  for (const [value, count] of counts) {
    const most = best === undefined ? 0 : (counts.get(best) ?? 0);
    if (best === undefined || count > most || (count === most && compare(value, best) < 0)) best = value;
  }
  return best;
}
