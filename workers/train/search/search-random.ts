/**
 * Random numbers of one trial: they follow from the search's seed and the trial alone, so that a search that was interrupted asks
 * on as if it had not been.
 */
import { SeededRandom } from "../../../engine/core/seeded-random.ts";

/** @param attempt counts the draws for one trial: those that were tried before are drawn again. */
export function trialRandom(seed: number, trial: number, attempt: number): SeededRandom {
  return new SeededRandom(mixed(mixed(mixed(seed) ^ trial) ^ attempt));
}

/** MurmurHash3's finalizer (Appleby, public domain): neighbouring numbers end far apart. */
function mixed(number: number): number {
  let hash = (number + 0x9e3779b9) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
