/**
 * Parzen estimators: the density of values that were tried, one kernel a value and one for the prior (Bergstra et al. 2011), with
 * Optuna's rules for widths and weights.
 *
 * Numbers: normal kernels, truncated to the axis. Choices: counts with a share of the prior each.
 */
import { normalUpperTail } from "../../../engine/core/normal-law.ts";
import type { SeededRandom } from "../../../engine/core/seeded-random.ts";

/** The latest trials count fully, older ones the less the older they are. */
const FULL_WEIGHTS = 25;
const KERNELS_MAX = 100;

/** Of `count` values in the order of their trials, summing with the prior's, the last one, to 1. */
export function kernelWeights(count: number): Float64Array {
  const weights = Float64Array.from({ length: count + 1 }, (_, at) => {
    const ramp = count - FULL_WEIGHTS;
    if (at >= ramp) return 1;
    return ramp === 1 ? 1 / count : 1 / count + (at * (1 - 1 / count)) / (ramp - 1);
  });
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

export interface Kernels {
  readonly means: Float64Array;
  readonly deviations: Float64Array;
  readonly weights: Float64Array;
  /** Of each kernel, the share that lies on the axis. */
  readonly masses: Float64Array;
  readonly low: number;
  readonly high: number;
}

/**
 * @param means of values that were tried, on the axis, in the order of their trials.
 * @param low end of the axis, below `high`.
 */
export function numberKernels(means: readonly number[], low: number, high: number): Kernels {
  const range = high - low;
  // so many kernels are no narrower than if they shared the axis
  const narrowest = range / Math.min(KERNELS_MAX, 2 + means.length);
  const deviations = neighbourDistances(means, low, high).map((distance) =>
    Math.min(range, Math.max(narrowest, distance)),
  );
  const all = Float64Array.from([...means, (low + high) / 2]);
  const widths = Float64Array.from([...deviations, range]);
  const masses = all.map((mean, at) => massBetween(low, high, mean, widths[at] as number));
  return { means: all, deviations: widths, weights: kernelWeights(means.length), masses, low, high };
}

/** To the farther of each value's neighbours; the outermost look inwards only, and a single one to the ends of the axis. */
function neighbourDistances(means: readonly number[], low: number, high: number): number[] {
  const order = means.map((mean, at) => ({ mean, at })).sort((a, b) => a.mean - b.mean || a.at - b.at);
  const distances = new Float64Array(means.length);
  for (const [place, { mean, at }] of order.entries()) {
    const below = order[place - 1]?.mean;
    const above = order[place + 1]?.mean;
    if (order.length === 1) distances[at] = Math.max(mean - low, high - mean);
    else if (below === undefined) distances[at] = (above as number) - mean;
    else if (above === undefined) distances[at] = mean - below;
    else distances[at] = Math.max(mean - below, above - mean);
  }
  return Array.from(distances);
}

export function drawFrom(kernels: Kernels, random: SeededRandom): number {
  const { means, deviations, weights, low, high } = kernels;
  const kernel = random.weighted(weights, 1);
  // a mean is on the axis and no kernel wider than it, so at least a third of the draws are kept
  for (;;) {
    const value = (means[kernel] as number) + (deviations[kernel] as number) * random.normal();
    if (value >= low && value <= high) return value;
  }
}

/** ln of the density at a point of the axis. */
export function logDensity({ means, deviations, weights, masses }: Kernels, at: number): number {
  let density = 0;
  for (let kernel = 0; kernel < means.length; kernel++) {
    const deviation = deviations[kernel] as number;
    const z = (at - (means[kernel] as number)) / deviation;
    const height = Math.exp(-0.5 * z * z) / (Math.sqrt(2 * Math.PI) * deviation);
    density += ((weights[kernel] as number) * height) / (masses[kernel] as number);
  }
  return Math.log(density);
}

/** ln of the probability of a cell of the axis. */
export function logProbability(
  { means, deviations, weights, masses }: Kernels,
  low: number,
  high: number,
): number {
  let probability = 0;
  for (let kernel = 0; kernel < means.length; kernel++) {
    const mass = massBetween(low, high, means[kernel] as number, deviations[kernel] as number);
    probability += ((weights[kernel] as number) * mass) / (masses[kernel] as number);
  }
  return Math.log(probability);
}

/** Of a normal law; taken on the side of the mean where nothing cancels. */
function massBetween(low: number, high: number, mean: number, deviation: number): number {
  const [from, to] = [(low - mean) / deviation, (high - mean) / deviation];
  return from >= 0
    ? normalUpperTail(from) - normalUpperTail(to)
    : normalUpperTail(-to) - normalUpperTail(-from);
}

/**
 * Probability of each of `count` choices, of which `tried` were, in the order of their trials: a kernel gives its choice 1 and each a
 * share of the prior, which is itself one kernel that knows none.
 */
export function choiceProbabilities(tried: readonly number[], count: number): Float64Array {
  const weights = kernelWeights(tried.length);
  const prior = 1 / weights.length;
  const scale = 1 + count * prior;
  const probabilities = new Float64Array(count);
  for (const [kernel, weight] of weights.entries()) {
    const own = tried[kernel];
    for (let choice = 0; choice < count; choice++) {
      const share = own === undefined ? 1 / count : ((choice === own ? 1 : 0) + prior) / scale;
      probabilities[choice] = (probabilities[choice] as number) + weight * share;
    }
  }
  return probabilities;
}
