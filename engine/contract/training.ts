/**
 * How training jobs are asked for, and what is answered of them and of what asks for them.
 */
import { z } from "zod";
import { MODEL_NAME } from "../core/names.ts";
import { qualityIncident, retrainDecision, retrainJob } from "../core/retrain-job.ts";
import { trainingJob } from "../core/training-job.ts";
import { trainingSpec } from "../core/training-spec.ts";
import { retrainPolicy } from "../retraining/retrain-policy.ts";
import { changedBy } from "./changed-by.ts";
import { wholeNumber } from "./query-texts.ts";
import { count, jsonObject, name, time } from "./texts.ts";

const { model_name, job_id, cause, requested_by, requested_at } = trainingJob.shape;

const startedJob = trainingJob.meta({ id: "TrainingJob" });
const queuedJob = z
  .strictObject({
    job_id,
    model_name,
    status: z.enum(["QUEUED", "CANCELLED", "FAILED"]),
    stage: z.null(),
    progress: z.literal(0),
    cause,
    requested_by,
    requested_at,
    deadline: time,
  })
  .meta({ id: "QueuedTrainingJob", description: "A job that no trainer has taken yet." });

export const jobAnswer = z.union([startedJob, queuedJob]);
export type JobAnswer = z.infer<typeof jobAnswer>;

export const jobsAnswer = z.strictObject({ jobs: z.array(jobAnswer) }).meta({ id: "TrainingJobs" });
export type JobsAnswer = z.infer<typeof jobsAnswer>;

export const trainingSpecAnswer = z.strictObject({ model_name: name, spec: jsonObject.nullable() }).meta({
  id: "AppliedTrainingSpec",
  description: "As it was given; null: as the version that serves was trained.",
});
export type TrainingSpecAnswer = z.infer<typeof trainingSpecAnswer>;

export const checkedSpecAnswer = z
  .strictObject({ model_name: name, spec: trainingSpec })
  .meta({ id: "CheckedTrainingSpec", description: "With defaults filled in." });
export type CheckedSpecAnswer = z.infer<typeof checkedSpecAnswer>;

export const retrainPolicyAnswer = z
  .strictObject({ policy: retrainPolicy })
  .meta({ id: "AppliedRetrainPolicy" });
export type RetrainPolicyAnswer = z.infer<typeof retrainPolicyAnswer>;

export const retrainAnswer = z
  .strictObject({
    model_name: name,
    is_in_flight: z.boolean(),
    job: retrainJob.nullable().describe("the newest, whatever its state"),
    last_ended: retrainJob.nullable(),
    jobs_today: count,
    next_scheduled_at: time.nullable(),
    quality_incidents: z.array(qualityIncident),
    policy: retrainPolicy,
    decisions: z.array(retrainDecision).describe("newest first"),
  })
  .meta({ id: "Retrain" });
export type RetrainAnswer = z.infer<typeof retrainAnswer>;

export const cancelTrainingRequest = z.strictObject({ reason: z.string().min(1).max(1000).optional() });
export type CancelTrainingRequest = z.infer<typeof cancelTrainingRequest>;

/** Who asks for a job, and why. */
export const trainingAsker = { ...changedBy, reason: cancelTrainingRequest.shape.reason };
export const startTrainingRequest = trainingSpec.safeExtend(trainingAsker);
export type StartTrainingRequest = z.input<typeof startTrainingRequest>;

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 1_000;
export const jobsQuery = z.strictObject({
  model: z.string().regex(MODEL_NAME, "must be a model's name").optional(),
  limit: wholeNumber(1, LIMIT_MAX, LIMIT_DEFAULT),
});
export type JobsQuery = z.input<typeof jobsQuery>;
