/**
 * When a model is retrained: causes with their thresholds, and what holds them back. One policy per model; without one, the
 * defaults.
 *
 * The defaults retrain when it is certain that the model got worse, or when its inputs have drifted critically, at most once
 * a day; whatever costs without a finding (labels, schedule) or rests on an assumption (estimated performance) is off.
 */
import { z } from "zod";
import { durationText } from "../core/duration.ts";
import { EngineError } from "../core/errors.ts";
import { MODEL_NAME } from "../core/names.ts";
import { scheduleProblem } from "./retrain-schedule.ts";

/** Weakest first. */
export const SEVERITIES = ["warning", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

const METRICS_MAX = 32;

/** Per metric, in its own unit: how much worse than the reference is too much. */
const drops = z
  .record(
    z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, "must be a metric's name such as roc_auc"),
    z.number().positive().max(1e12),
  )
  .refine((metrics) => Object.keys(metrics).length <= METRICS_MAX, `at most ${METRICS_MAX} metrics`);

/**
 * 0.03 of ROC AUC is about what separates a model from its successor, and far outside the noise of a window whose
 * interval is narrow enough to show it; 0.1 is the same for R2. Errors such as RMSE have the unit of what is predicted, so no default fits.
 */
const DROPS = { roc_auc: 0.03, roc_auc_ovr_macro: 0.03, r2: 0.1 };

const schedule = z
  .strictObject({
    enabled: z.boolean().default(true),
    /** Five cron fields, or @daily, @weekly, @monthly, @quarterly: at midnight. */
    expression: z.string().min(1).max(256),
    time_zone: z.string().min(1).max(64).default("UTC"),
  })
  .superRefine((value, context) => {
    const problem = scheduleProblem(value);
    if (problem !== undefined)
      context.addIssue({ code: "custom", path: [problem.field], message: problem.message });
  });

export const retrainPolicy = z.strictObject({
  model_name: z.string().regex(MODEL_NAME, "must be a model's name"),
  /** A drift incident. Critical by default: a warning is a shift that many models bear. */
  drift: z
    .strictObject({
      enabled: z.boolean().default(true),
      severity_min: z.enum(SEVERITIES).default("critical"),
    })
    .prefault({}),
  /** Metrics with labels. The whole confidence interval must be beyond the drop: chance retrains nothing. */
  performance: z
    .strictObject({ enabled: z.boolean().default(true), drops: drops.default(DROPS) })
    .prefault({}),
  /** Metrics estimated without labels. Off: the estimate is wrong where what is predicted itself has changed. */
  estimated_performance: z
    .strictObject({ enabled: z.boolean().default(false), drops: drops.default(DROPS) })
    .prefault({}),
  /** Labels since the newest job. Off: more labels alone are no reason. */
  labels: z
    .strictObject({
      enabled: z.boolean().default(false),
      count_min: z.int().min(1).max(1_000_000_000).default(10_000),
    })
    .prefault({}),
  schedule: schedule.optional(),
  /**
   * Pause between the end of a job and the next for a finding. A new version needs a day to be judged by its own windows.
   * Schedule and people are not held back by it.
   */
  cooldown: durationText("1s", "365d").default("24h"),
  /** Jobs a day, UTC, over which nothing automatic is requested; people may still. A bound of what a restless detector costs. */
  jobs_per_day_max: z.int().min(1).max(1_000).default(3),
  /** Time from request to end. A job that has not ended by then is lost and no longer holds up others. */
  job_deadline: durationText("1s", "30d").default("6h"),
  /** Nothing is requested, by nobody, while a data-quality incident is open: training would learn the defect. */
  data_quality_veto: z.boolean().default(true),
});

export type RetrainPolicy = z.infer<typeof retrainPolicy>;

/**
 * The policy with its defaults. `json` is what was applied, or undefined.
 * @throws EngineError INVALID_REQUEST with one detail per wrong field.
 */
export function parseRetrainPolicy(model: string, json: unknown): RetrainPolicy {
  const result = retrainPolicy.safeParse(json ?? { model_name: model });
  const issues = result.success ? otherModel(model, result.data) : result.error.issues;
  if (result.success && issues.length === 0) return result.data;
  const details = issues
    .slice(0, 20)
    .map(({ path, message }) => ({ field: path.join(".") || "policy", message }));
  const first = details[0];
  throw new EngineError("INVALID_REQUEST", `retraining policy: ${first?.field}: ${first?.message}`, {
    details,
  });
}

function otherModel(
  model: string,
  policy: RetrainPolicy,
): readonly Pick<z.core.$ZodIssue, "path" | "message">[] {
  if (policy.model_name === model) return [];
  return [{ path: ["model_name"], message: `must be ${model}, the model that it is applied to` }];
}
