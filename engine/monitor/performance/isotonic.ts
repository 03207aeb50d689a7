/**
 * Isotonic regression: the rising step line nearest to points, by pool-adjacent-violators, and its reading in between.
 *
 * The same as scikit-learn's IsotonicRegression(out_of_bounds="clip"): knots at both ends of every pooled block, linear
 * between them, flat outside.
 */

export interface IsotonicPoints {
  /** Ascending, no two the same. */
  readonly x: ArrayLike<number>;
  /** Sum of what was seen at x, and of the weights: the value there is their ratio. */
  readonly sums: ArrayLike<number>;
  readonly weights: ArrayLike<number>;
}

/** x strictly ascending, y not falling; as many of both, at least one. */
export interface IsotonicLine {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** Needs a point. O(points); a pooled block keeps its sums, so that whole counts stay exact. */
export function fitIsotonic({ x, sums, weights }: IsotonicPoints): IsotonicLine {
  // blocks as a stack: sum, weight and first point of each
  const blockSums = new Float64Array(x.length);
  const blockWeights = new Float64Array(x.length);
  const firsts = new Uint32Array(x.length + 1);
  let blocks = 0;
  for (let point = 0; point < x.length; point += 1) {
    let sum = sums[point] as number;
    let weight = weights[point] as number;
    let first = point;
    while (blocks > 0) {
      const sumBefore = blockSums[blocks - 1] as number;
      const weightBefore = blockWeights[blocks - 1] as number;
      if (sumBefore / weightBefore < sum / weight) break;
      sum += sumBefore;
      weight += weightBefore;
      first = firsts[blocks - 1] as number;
      blocks -= 1;
    }
    blockSums[blocks] = sum;
    blockWeights[blocks] = weight;
    firsts[blocks] = first;
    blocks += 1;
  }
  firsts[blocks] = x.length;
  const line = { x: [] as number[], y: [] as number[] };
  for (let block = 0; block < blocks; block += 1) {
    const first = firsts[block] as number;
    const last = (firsts[block + 1] as number) - 1;
    for (const point of first === last ? [first] : [first, last]) {
      line.x.push(x[point] as number);
      line.y.push((blockSums[block] as number) / (blockWeights[block] as number));
    }
  }
  return line;
}

/** The line at a place; outside of the knots as at the nearest. */
export function readIsotonic({ x, y }: IsotonicLine, at: number): number {
  let low = 0;
  let high = x.length - 1;
  if (at <= (x[low] as number)) return y[low] as number;
  if (at >= (x[high] as number)) return y[high] as number;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((x[middle] as number) <= at) low = middle;
    else high = middle;
  }
  const left = x[low] as number;
  const start = y[low] as number;
  const end = y[high] as number;
  // rounding must not lead above the knot, which may be a chance of 1
  return Math.min(end, start + ((end - start) / ((x[high] as number) - left)) * (at - left));
}
