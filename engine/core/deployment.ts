/**
 * How a version goes live, as people and training jobs say it, and the record of a canary under way.
 *
 *     none       it stays in the registry
 *     staging    the alias staging points to it: requests that ask for staging get it
 *     direct     it is in production at once
 *     canary     a growing share of production's traffic goes to it, watched; then it is in production
 *
 * A step of a canary is over when its time is, and the canary has answered `limits.rows_min` rows in it: nothing is promoted
 * that nobody asked.
 */
import { z } from "zod";
import { durationText } from "./duration.ts";

const STEPS_MAX = 20;
export const REASON_LENGTH_MAX = 500;
/** How long the version that was replaced stays loaded, so that going back needs no loading. */
export const WARM_MS = 10 * 60_000;

const step = z.strictObject({
  /** Of the entities, above 0, at most 1. */
  share: z.number().gt(0).max(1),
  duration: durationText("1s", "30d"),
});

/** The canary is withdrawn when one of them is surely exceeded (see canary-verdict). */
const limits = z.strictObject({
  /** Share of failed rows that the canary may have beyond the champion's. */
  error_rate: z.number().min(0).max(1).default(0.01),
  /** Its p99 over the champion's, of the time from a batch's start to the answer: both wait for the same workers before. */
  latency_p99_ratio: z.number().gt(1).max(1000).default(2),
  /** Its p99 of latency, from arrival to answer, ms. */
  latency_p99_ms: z.number().gt(0).max(600_000).optional(),
  /** Rows that count as a sample: of a step, and of a window of the champion that is compared with. */
  rows_min: z.int().min(1).max(1_000_000).default(100),
});

const DEFAULT_STEPS = [
  { share: 0.05, duration: "10m" },
  { share: 0.25, duration: "10m" },
  { share: 0.5, duration: "10m" },
];

const steps = z
  .array(step)
  .min(1)
  .max(STEPS_MAX)
  .refine(
    (all) => all.every(({ share }, index) => index === 0 || share > (all[index - 1]?.share ?? 0)),
    "each step must have a larger share than the one before",
  );

export const deployment = z.discriminatedUnion("strategy", [
  z.strictObject({ strategy: z.literal("none") }),
  z.strictObject({ strategy: z.literal("staging") }),
  z.strictObject({ strategy: z.literal("direct") }),
  z.strictObject({
    strategy: z.literal("canary"),
    steps: steps.default(DEFAULT_STEPS),
    limits: limits.prefault({}),
  }),
]);
export type Deployment = z.infer<typeof deployment>;
export type CanaryDeployment = Extract<Deployment, { strategy: "canary" }>;
export type CanaryLimits = Readonly<z.infer<typeof limits>>;

/** A canary under way, as the registry keeps it. Version and `started_at` together name it. */
export const canaryRecord = z.object({
  version: z.string(),
  /** In production meanwhile. */
  champion: z.string(),
  steps,
  limits,
  /** Index of the step under way. */
  step: z.int().min(0),
  step_started_at: z.iso.datetime(),
  started_at: z.iso.datetime(),
  requested_by: z.string(),
  reason: z.string(),
});
export type CanaryRecord = Readonly<z.infer<typeof canaryRecord>>;

/** Who changes something in the registry, and why. */
export interface ChangedBy {
  readonly requestedBy: string;
  readonly reason: string;
}

/** Share of the traffic of production that the canary has now. */
export function shareOf({ steps, step }: CanaryRecord): number {
  return steps[step]?.share ?? 0;
}
