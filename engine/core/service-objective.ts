/**
 * A service-level objective as it is declared, in a file or over REST: what share of a model's requests, minutes or windows
 * must be good over a period. Strict: an unknown field is refused.
 *
 * Lives in the core because the registry keeps it and the domain evaluates it.
 */
import { z } from "zod";
import { durationText } from "./duration.ts";
import { EngineError } from "./errors.ts";
import { MODEL_NAME } from "./names.ts";

/** Objectives in one bucket at most. */
export const OBJECTIVES_MAX = 200;

const share = z.number().gt(0).lt(1);

const indicator = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("latency_ms"),
    /** A prediction within this is good, ms. */
    bound: z.number().min(0.001).max(600_000),
    /** Then minutes are counted: one is good when this quantile of its latencies is within the bound. */
    quantile: share.optional(),
  }),
  /** A request is good unless it failed by the engine's fault. */
  z.strictObject({ kind: z.literal("error_rate") }),
  z.strictObject({
    kind: z.literal("availability"),
    /** A minute is good when at most this share of its requests failed by the engine's fault. */
    error_rate_max: z.number().min(0).lt(1).default(0.05),
  }),
  z.strictObject({
    kind: z.literal("min_metric"),
    /** A metric of a model's quality, such as roc_auc. */
    metric: z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, "must be a metric such as roc_auc"),
    /** A window is good when the metric is no worse: at least this, or at most, of a loss. */
    bound: z.number(),
    /** What each value is measured over. */
    window: durationText("1h", "90d").default("1d"),
  }),
]);

export const serviceObjective = z.strictObject({
  name: z.string().regex(MODEL_NAME, "must be a lower-case letter, then letters, digits, _ - (at most 63)"),
  model: z.string().regex(MODEL_NAME, "must be the name of a model"),
  description: z.string().max(1024).optional(),
  indicator,
  /** Share of the requests, minutes or windows that must be good. */
  target: share,
  period: durationText("1h", "90d").default("28d"),
});

export type ServiceObjective = Readonly<z.infer<typeof serviceObjective>>;

/** @throws EngineError INVALID_REQUEST naming every wrong field. */
export function parseServiceObjective(json: unknown): ServiceObjective {
  const result = serviceObjective.safeParse(json);
  if (result.success) return result.data;
  const details = result.error.issues
    .slice(0, 20)
    .map((issue) => ({ field: issue.path.join(".") || "objective", message: issue.message }));
  throw new EngineError("INVALID_REQUEST", `${details[0]?.field}: ${details[0]?.message}`, { details });
}
