/** Streams for drift detectors, and where a detector finds drift in them. */
import { SeededRandom } from "../../engine/core/seeded-random.ts";
import type { DriftDetector } from "../../engine/monitor/detectors/drift-detector.ts";

/** How the next value is made. */
export type Draw = (random: SeededRandom) => number;

export const normal =
  (mean = 0, deviation = 1): Draw =>
  (random) =>
    mean + deviation * random.normal();

/** Errors of 0 and 1. */
export const errors =
  (rate: number): Draw =>
  (random) =>
    random.uniform() < rate ? 1 : 0;

/** Values of one law after another, the same for a seed. */
export function stream(seed: number, ...parts: readonly (readonly [count: number, draw: Draw])[]): number[] {
  const random = new SeededRandom(seed);
  return parts.flatMap(([count, draw]) => Array.from({ length: count }, () => draw(random)));
}

/** The indices at which the detector finds drift. */
export function driftsIn(detector: DriftDetector, values: readonly number[]): number[] {
  return values.flatMap((value, index) => (detector.update(value) ? [index] : []));
}
