/**
 * Random numbers of one trial: they follow from the search's seed and the trial alone, so that a search that was interrupted asks
 * on as if it had not been.
 */
import { SeededRandom } from "../../../engine/core/seeded-random.ts";

export interface SearchRandom {
  /** From 0 up to 1. */
  uniform(): number;
  /** Mean 0, deviation 1. */
  normal(): number;
  /** A whole number in 0 … count - 1. */
  below(count: number): number;
  /** An index, drawn in proportion to the weights, which sum to 1. */
  weighted(weights: Float64Array): number;
}

/** @param attempt counts the draws for one trial: those that were tried before are drawn again. */
export function trialRandom(seed: number, trial: number, attempt: number): SearchRandom {
  const random = new SeededRandom(mixed(mixed(mixed(seed) ^ trial) ^ attempt));
  const uniform = (): number => random.below(2 ** 32) / 2 ** 32;
  return {
    uniform,
    below: (count) => random.below(count),
    // Box and Muller; 1 - u is never 0
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    weighted(weights) {
      let left = uniform();
      for (const [index, weight] of weights.entries()) {
        left -= weight;
        if (left < 0) return index;
      }
      return weights.length - 1;
    },
  };
}

/** MurmurHash3's finalizer (Appleby, public domain): neighbouring numbers end far apart. */
function mixed(number: number): number {
  let hash = (number + 0x9e3779b9) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
