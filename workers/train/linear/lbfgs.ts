/**
 * Minimises a smooth function of many variables: L-BFGS (J. Nocedal, S. Wright, "Numerical optimization", 2nd ed., algorithm
 * 7.4) with a line search by bisection for the weak Wolfe conditions (A. Lewis, M. Overton, 2013), near the minimum for the
 * approximate ones (W. Hager, H. Zhang, 2005): there the gradient still tells what rounding hides in the value.
 *
 * Bound: MEMORY pairs of vectors.
 */

const MEMORY = 10;
const STEPS_MAX = 60;
/** Sufficient decrease and curvature. */
const DECREASE = 1e-4;
const CURVATURE = 0.9;
/** Iterations in a row that lower neither the value nor the gradient: the rest is rounding. */
const STALLED_MAX = 5;

/** The value at `x`; writes the gradient there to `gradient`. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

export interface LbfgsOptions {
  readonly iterationsMax: number;
  /** Ends when no element of the gradient is larger. */
  readonly tolerance: number;
  /** After each iteration, with the value at `x`. */
  readonly onIteration: (iteration: number, value: number, x: Float64Array) => "continue" | "stop";
}

interface Point {
  readonly x: Float64Array;
  readonly gradient: Float64Array;
  readonly value: number;
}

interface Pair {
  readonly step: Float64Array;
  readonly change: Float64Array;
  readonly rho: number;
}

/** @returns how many iterations were done; `x` holds the minimum, or the best so far. */
export function minimize(objective: Objective, x: Float64Array, options: LbfgsOptions): number {
  const gradient = new Float64Array(x.length);
  let point: Point = { x: Float64Array.from(x), value: objective(x, gradient), gradient };
  const pairs: Pair[] = [];
  let iteration = 0;
  let stalled = 0;
  let steepness = Number.POSITIVE_INFINITY;
  while (iteration < options.iterationsMax && largest(point.gradient) > options.tolerance) {
    const next = search(objective, point, direction(point.gradient, pairs), pairs.length === 0);
    // no step lowers the value any more: that is as exact as float64 gets
    if (next === undefined) break;
    remember(pairs, point, next);
    const gain = point.value - next.value;
    point = next;
    const slope = largest(point.gradient);
    stalled = gain > Number.EPSILON * Math.abs(point.value) || slope < steepness ? 0 : stalled + 1;
    steepness = Math.min(steepness, slope);
    iteration += 1;
    if (options.onIteration(iteration, point.value, point.x) === "stop") break;
    if (stalled === STALLED_MAX) break;
  }
  x.set(point.x);
  return iteration;
}

function search(
  objective: Objective,
  from: Point,
  towards: Float64Array,
  isFirst: boolean,
): Point | undefined {
  const slope = dot(from.gradient, towards);
  if (!(slope < 0)) return undefined;
  const noise = 8 * Number.EPSILON * Math.abs(from.value);
  let low = 0;
  let high = Number.POSITIVE_INFINITY;
  let length = isFirst ? Math.min(1, 1 / Math.sqrt(-slope)) : 1;
  let best: Point | undefined;
  for (let step = 0; step < STEPS_MAX; step++) {
    const point = pointAt(objective, from, towards, length);
    const ahead = dot(point.gradient, towards);
    const isLower =
      point.value <= from.value + DECREASE * length * slope ||
      (point.value <= from.value + noise && ahead <= (2 * DECREASE - 1) * slope);
    if (isLower) best = point;
    if (isLower && ahead >= CURVATURE * slope) return point;
    if (isLower) low = length;
    else high = length;
    length = high === Number.POSITIVE_INFINITY ? 2 * low : (low + high) / 2;
  }
  return best;
}

function pointAt(objective: Objective, from: Point, towards: Float64Array, length: number): Point {
  const x = from.x.map((start, index) => start + length * (towards[index] as number));
  const gradient = new Float64Array(x.length);
  return { x, value: objective(x, gradient), gradient };
}

/** The two loops over the remembered pairs: an approximate Newton step. */
function direction(gradient: Float64Array, pairs: readonly Pair[]): Float64Array {
  const result = gradient.map((value) => -value);
  const alphas: number[] = [];
  for (const { step, change, rho } of pairs.toReversed()) {
    const alpha = rho * dot(step, result);
    alphas.push(alpha);
    addTo(result, change, -alpha);
  }
  const last = pairs.at(-1);
  if (last !== undefined) {
    const scale = 1 / (last.rho * dot(last.change, last.change));
    for (let index = 0; index < result.length; index++) result[index] = (result[index] as number) * scale;
  }
  for (const { step, change, rho } of pairs)
    addTo(result, step, (alphas.pop() as number) - rho * dot(change, result));
  return result;
}

function remember(pairs: Pair[], from: Point, to: Point): void {
  const step = to.x.map((value, index) => value - (from.x[index] as number));
  const change = to.gradient.map((value, index) => value - (from.gradient[index] as number));
  const product = dot(step, change);
  // rounding can spoil the curvature close to the minimum
  if (product <= 1e-16 * dot(change, change)) return;
  pairs.push({ step, change, rho: 1 / product });
  if (pairs.length > MEMORY) pairs.shift();
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] as number) * (b[index] as number);
  return sum;
}

function addTo(sum: Float64Array, vector: Float64Array, factor: number): void {
  for (let index = 0; index < sum.length; index++)
    sum[index] = (sum[index] as number) + factor * (vector[index] as number);
}

function largest(vector: Float64Array): number {
  let maximum = 0;
  for (const value of vector) maximum = Math.max(maximum, Math.abs(value));
  return maximum;
}
