/**
 * What a training job is doing and what came of it: one document per job, written by the trainer that holds the job.
 *
 *     QUEUED ─▶ RUNNING: READING ─▶ PREPARING ─▶ SEARCHING ─▶ TRAINING ─▶ EVALUATING ─▶ REGISTERING ─▶ DEPLOYING
 *        │         ├──▶ COMPLETED   deployed, registered, or rejected by the gate
 *        └─────────┴──▶ FAILED │ CANCELLED
 *
 * Who may write is decided by the model's job record (retrain-job): its attempt is the document's. Trials that have ended stay when
 * another trainer takes the job over: it goes on behind them. Bounds: the *_MAX below, so that a document fits into one NATS message.
 */
import { z } from "zod";
import { EngineError } from "./errors.ts";
import { MODEL_NAME, MODEL_VERSION } from "./names.ts";
import { RETRAIN_CAUSES, utcText, utcTime } from "./retrain-request.ts";
import { TRIALS_MAX } from "./training-search.ts";

/** Numbers of losses in all trials together: with more, those of the oldest are dropped. */
export const LOSSES_MAX = 8_000;
export const LOGS_MAX = 200;
const LOG_LENGTH_MAX = 500;

export const TRAINING_STATUSES = ["QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"] as const;
export type TrainingStatus = (typeof TRAINING_STATUSES)[number];

/** Each with the share of the way at which it begins, percent; SEARCHING is left out without a search. */
export const TRAINING_STAGES = {
  READING: 0,
  PREPARING: 8,
  SEARCHING: 12,
  TRAINING: 65,
  EVALUATING: 85,
  REGISTERING: 95,
  DEPLOYING: 98,
} as const;
export type TrainingStage = keyof typeof TRAINING_STAGES;
const STAGES = Object.keys(TRAINING_STAGES) as [TrainingStage];

const jsonObject = z.record(z.string(), z.unknown());

const trainingTrial = z.strictObject({
  trial: z.int().min(0),
  parameters: jsonObject,
  state: z.enum(["COMPLETE", "PRUNED", "FAILED"]),
  /** Null for one that failed before it had any. */
  value: z.number().nullable(),
  values_per_fold: z.array(z.number()).max(100),
  /** On the first fold, at the iterations that pruning looks at. */
  losses: z.array(z.strictObject({ iteration: z.int(), loss: z.number() })),
  duration_ms: z.number().min(0),
  reason: z.string().max(LOG_LENGTH_MAX).optional(),
});

const trainingLog = z.strictObject({
  at: utcTime,
  level: z.enum(["info", "warn", "error"]),
  message: z.string().max(LOG_LENGTH_MAX),
});

export const trainingJob = z.strictObject({
  job_id: z.uuid(),
  model_name: z.string().regex(MODEL_NAME),
  status: z.enum(TRAINING_STATUSES),
  stage: z.enum(STAGES).nullable(),
  /** 0 to 100. */
  progress: z.number().min(0).max(100),
  estimated_completion: utcTime.nullable(),
  cause: z.enum(RETRAIN_CAUSES),
  requested_by: z.string().max(256),
  requested_at: utcTime,
  started_at: utcTime.nullable(),
  updated_at: utcTime,
  ended_at: utcTime.nullable(),
  attempt: z.int().min(0),
  /** The specification as it was carried out, defaults filled in; null until it is known. */
  spec: jsonObject.nullable(),
  /** Version that served when the job was started; null for the first of a model. */
  parent_version: z.string().regex(MODEL_VERSION).nullable(),
  /** The new version, from registration on. */
  model_version: z.string().regex(MODEL_VERSION).nullable(),
  /** What was learned from: rows, period, fingerprint, warnings. */
  data: jsonObject.nullable(),
  trials: z.array(trainingTrial).max(TRIALS_MAX),
  /** Of the new model on rows that it has not seen, with intervals. */
  metrics: jsonObject.nullable(),
  /** The gate's verdict with every check. */
  gate: jsonObject.nullable(),
  outcome: z.enum(["deployed", "registered", "rejected"]).nullable(),
  error: z
    .strictObject({
      code: z.string(),
      message: z.string().max(2000),
      details: z.array(z.strictObject({ field: z.string(), message: z.string() })).max(20),
    })
    .nullable(),
  /** The newest, oldest first. */
  logs: z.array(trainingLog).max(LOGS_MAX),
});

export type TrainingJob = z.infer<typeof trainingJob>;
export type TrainingTrial = z.infer<typeof trainingTrial>;
export type TrainingLog = z.infer<typeof trainingLog>;

/** @throws EngineError INTERNAL: only trainers write these documents. */
export function parseTrainingJob(value: unknown): TrainingJob {
  const result = trainingJob.safeParse(value);
  if (result.success) return result.data;
  throw new EngineError("INTERNAL", "the document of a training job cannot be read", { cause: result.error });
}

/** `job` with a trial more. */
export function withTrial({ trials, ...job }: TrainingJob, trial: TrainingTrial): TrainingJob {
  const all = [...trials, trial].slice(0, TRIALS_MAX);
  let losses = all.reduce((sum, one) => sum + one.losses.length, 0);
  const kept = all.map((one) => {
    if (losses <= LOSSES_MAX) return one;
    losses -= one.losses.length;
    return { ...one, losses: [] };
  });
  return { ...job, trials: kept };
}

/** How far a job is when it has done `share` (0 to 1) of a stage, percent. */
export function progressAt(stage: TrainingStage, share: number): number {
  const from = TRAINING_STAGES[stage];
  const next = STAGES[STAGES.indexOf(stage) + 1];
  const to = next === undefined ? 100 : TRAINING_STAGES[next];
  return Math.round((from + (to - from) * Math.min(1, Math.max(0, share))) * 10) / 10;
}

/** When the job will have ended if it goes on as fast as this attempt did so far; null at its beginning. */
export function estimatedCompletion(
  startedMs: number,
  nowMs: number,
  fromProgress: number,
  progress: number,
): string | null {
  const done = progress - fromProgress;
  return done < 2 ? null : utcText(nowMs + ((nowMs - startedMs) * (100 - progress)) / done);
}

/** `job` with a line more in its logs. */
export function withLog(
  job: TrainingJob,
  level: TrainingLog["level"],
  message: string,
  nowMs: number,
): TrainingJob {
  const line = { at: utcText(nowMs), level, message: message.slice(0, LOG_LENGTH_MAX) };
  return { ...job, logs: [...job.logs, line].slice(-LOGS_MAX) };
}
