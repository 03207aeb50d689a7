/**
 * Calibration of scores: what share of rows with a score turns out positive. Fitted on the labelled reference of a
 * model version, kept in it as JSON, and read by the estimate of performance without labels.
 */
import { z } from "zod";
import { fitIsotonic, type IsotonicPoints, readIsotonic } from "./isotonic.ts";
import type { ScoreGroups } from "./sorted-scores.ts";

/** Bounds the reference's JSON. A million rows seldom need more than some hundred. */
const KNOTS_MAX = 1000;

/** `none` takes scores as they are. Of `isotonic`: knots, linear between them and flat outside. */
export const calibrator = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("none") }),
  z
    .strictObject({
      type: z.literal("isotonic"),
      x: z.array(z.number().min(0).max(1)).min(1).max(KNOTS_MAX).readonly(),
      y: z.array(z.number().min(0).max(1)).min(1).max(KNOTS_MAX).readonly(),
    })
    .refine(({ x, y }) => x.length === y.length, "x and y need as many knots")
    .refine(({ x }) => isRising(x, (a, b) => a < b), "x must rise from knot to knot")
    .refine(({ y }) => isRising(y, (a, b) => a <= b), "y must not fall"),
]);

export type Calibrator = z.infer<typeof calibrator>;

/**
 * Isotonic regression of the labels on the scores. Where that has too many knots, one of the means of as many groups of
 * about equal counts. Needs a row.
 * @param knotsMax at most 1000; fewer where bins of counters have to follow the knots.
 */
export function fitCalibrator(groups: ScoreGroups, knotsMax = KNOTS_MAX): Calibrator {
  const { scores, positives, negatives } = groups;
  const weights = positives.map((count, group) => count + (negatives[group] as number));
  const points = { x: scores, sums: positives, weights };
  const line = fitIsotonic(points);
  return { type: "isotonic", ...(line.x.length <= knotsMax ? line : fitIsotonic(pooled(points, knotsMax))) };
}

/** Share of positives to expect at a score. */
export function calibrate(calibrator: Calibrator, score: number): number {
  return calibrator.type === "none" ? score : readIsotonic(calibrator, score);
}

/** Neighbours pooled until there are at most `count`: their mean score, weighted. */
function pooled({ x, sums, weights }: IsotonicPoints, count: number): IsotonicPoints {
  let total = 0;
  for (let point = 0; point < x.length; point += 1) total += weights[point] as number;
  const groups = { x: [] as number[], sums: [] as number[], weights: [] as number[] };
  let scores = 0;
  let sum = 0;
  let weight = 0;
  let done = 0;
  for (let point = 0; point < x.length; point += 1) {
    const own = weights[point] as number;
    scores += own * (x[point] as number);
    sum += sums[point] as number;
    weight += own;
    if ((done + weight) * count < (groups.x.length + 1) * total && point + 1 < x.length) continue;
    groups.x.push(scores / weight);
    groups.sums.push(sum);
    groups.weights.push(weight);
    done += weight;
    scores = sum = weight = 0;
  }
  return groups;
}

function isRising(values: readonly number[], inOrder: (a: number, b: number) => boolean): boolean {
  return values.every((value, index) => index === 0 || inOrder(values[index - 1] as number, value));
}
