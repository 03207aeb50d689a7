/**
 * What is answered of how a model is served: traffic, latencies, and service-level objectives.
 */
import { z } from "zod";
import { ERRORS, type ErrorCode } from "../core/errors.ts";
import { MODEL_VERSION } from "../core/names.ts";
import { serviceObjective } from "../core/service-objective.ts";
import { TIMESTAMP_FORM } from "../core/timestamp.ts";
import { timeText } from "./query-texts.ts";
import { count, name, time } from "./texts.ts";

const milliseconds = z.number().nullable();
const quantiles = z
  .strictObject({ p50: milliseconds, p95: milliseconds, p99: milliseconds })
  .meta({ id: "Quantiles", description: "In ms; null without predictions." });

const figures = {
  predictions: count,
  predictions_per_second: z.number(),
  errors: count
    .nullable()
    .describe("rows that failed by the engine's fault; null where a variant is asked for"),
  error_rate: z.number().nullable(),
  failures_by_code: z.partialRecord(z.enum(Object.keys(ERRORS) as [ErrorCode]), count).nullable(),
  latency_ms: quantiles,
  queue_ms: quantiles,
  inference_ms: quantiles,
};

export const trafficFigures = z.strictObject({ from: time, to: time, ...figures }).meta({ id: "Traffic" });

export const latencyAnswer = z
  .strictObject({
    model: name,
    version: z.string().optional(),
    variant: z.string().optional(),
    from: time,
    to: time,
    step: z.enum(["minute", "hour", "day"]),
    relative_error: z.number().describe("bound of the quantiles' error"),
    total: z.strictObject(figures),
    steps: z.array(z.strictObject({ time, ...figures })).describe("those with predictions or errors"),
  })
  .meta({ id: "Latency" });
export type LatencyAnswer = z.infer<typeof latencyAnswer>;

export const objectiveAnswer = serviceObjective.meta({ id: "Objective" });
export type ObjectiveAnswer = z.infer<typeof objectiveAnswer>;

export const objectivesAnswer = z.strictObject({ slos: z.array(objectiveAnswer) }).meta({ id: "Objectives" });
export type ObjectivesAnswer = z.infer<typeof objectivesAnswer>;

const { indicator, period, target } = serviceObjective.shape;

export const objectiveLevelAnswer = z
  .strictObject({
    name,
    model: name,
    indicator,
    period,
    from: time,
    to: time,
    effective_bound_ms: z.number().optional().describe("end of the bucket that the bound falls into"),
    problem: z.string().optional().describe("why there are no figures"),
    target,
    good: count,
    valid: count,
    compliance: z.number().nullable(),
    is_met: z.boolean().nullable(),
    error_budget: z.number(),
    error_budget_left: z.number().nullable().describe("1 untouched, 0 used up, below 0 overdrawn"),
    burn_rate: z.number().nullable(),
    burn_rates: z.array(z.strictObject({ minutes: count, burn_rate: z.number().nullable() })),
  })
  .meta({ id: "ObjectiveLevel" });
export type ObjectiveLevelAnswer = z.infer<typeof objectiveLevelAnswer>;

export const slaAnswer = z
  .strictObject({ model: name, slos: z.array(objectiveLevelAnswer) })
  .meta({ id: "Sla" });
export type SlaAnswer = z.infer<typeof slaAnswer>;

const asked = timeText.refine((ms) => ms >= 0, `must be ${TIMESTAMP_FORM}, from 1970`);

export const latencyQuery = z.strictObject({
  from: asked.optional(),
  to: asked.optional(),
  step: z.enum(["minute", "hour", "day"]).default("hour"),
  version: z.string().regex(MODEL_VERSION, "must be a semantic version such as 1.0.0").optional(),
  variant: z.string().max(128).optional(),
});
export type LatencyQuery = z.input<typeof latencyQuery>;
