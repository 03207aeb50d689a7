/**
 * Training jobs as people see them: ask for one, look at it, call it off, list them.
 *
 * Two sources, the first of which decides: the models' job records say which job is in flight and what ended it, the trainers' documents
 * what a job is doing. Jobs whose document has gone are read from ClickHouse.
 */
import type { JobStore } from "../../storage/job-store.ts";
import type { TrainingHistory } from "../../storage/training-history.ts";
import type { TrainingStore } from "../../storage/training-store.ts";
import { EngineError } from "../core/errors.ts";
import { jobInFlight, type RetrainJob } from "../core/retrain-job.ts";
import type { TrainingJob } from "../core/training-job.ts";
import type { Triggers } from "../retraining/triggers.ts";

export interface TrainingJobsOptions {
  readonly triggers: Pick<Triggers, "request" | "cancel">;
  readonly jobs: Pick<JobStore, "read" | "models">;
  readonly documents: Pick<TrainingStore, "job">;
  readonly history: Pick<TrainingHistory, "find" | "list">;
}

export interface TrainingStart {
  readonly model: string;
  /** A specification that was checked. */
  readonly training: Readonly<Record<string, unknown>>;
  readonly reason?: string | undefined;
  readonly requestedBy: string;
}

/** A job that no trainer has taken yet: what its record says. */
export interface QueuedJob {
  readonly job_id: string;
  readonly model_name: string;
  readonly status: "QUEUED" | "CANCELLED" | "FAILED";
  readonly stage: null;
  readonly progress: 0;
  readonly cause: string;
  readonly requested_by: string;
  readonly requested_at: string;
  readonly deadline: string;
}

export type JobView = TrainingJob | QueuedJob;

interface Found {
  readonly model: string;
  readonly job: RetrainJob;
}

export class TrainingJobs {
  readonly #options: TrainingJobsOptions;

  constructor(options: TrainingJobsOptions) {
    this.#options = options;
  }

  /** @throws EngineError CONFLICT when the model has a job in flight, or bad data forbids it; SERVICE_UNAVAILABLE. */
  async start({ model, ...wish }: TrainingStart, nowMs: number): Promise<JobView> {
    const { job } = await this.#options.triggers.request(model, wish, nowMs);
    if (job === null) throw new EngineError("INTERNAL", `the job of ${model} was requested and is not there`);
    return queuedJob(model, job);
  }

  /** @throws EngineError JOB_NOT_FOUND, SERVICE_UNAVAILABLE. */
  async status(jobId: string): Promise<JobView> {
    const { documents, jobs, history } = this.#options;
    const document = await documents.job(jobId);
    if (document !== undefined && document.status !== "RUNNING") return document;
    if (document !== undefined) return seenBy((await jobs.read(document.model_name)).job, document);
    const found = await this.#find(jobId);
    if (found !== undefined) return queuedJob(found.model, found.job);
    const kept = await history.find(jobId);
    if (kept !== undefined) return kept;
    throw new EngineError(
      "JOB_NOT_FOUND",
      `there is no training job ${jobId}; see GET /api/v1/training/jobs`,
    );
  }

  /** @throws EngineError JOB_NOT_FOUND; CONFLICT when it has ended; SERVICE_UNAVAILABLE. */
  async cancel(jobId: string, reason: string | undefined, nowMs: number): Promise<JobView> {
    const { status, model_name } = await this.status(jobId);
    if (status !== "QUEUED" && status !== "RUNNING")
      throw new EngineError("CONFLICT", `training job ${jobId} is ${status}: there is nothing to cancel`);
    await this.#options.triggers.cancel(model_name, reason, nowMs, jobId);
    return this.status(jobId);
  }

  /** Jobs in flight of all models. @throws EngineError SERVICE_UNAVAILABLE */
  async active(nowMs: number): Promise<JobView[]> {
    const { jobs, documents } = this.#options;
    const views: JobView[] = [];
    for (const model of await jobs.models()) {
      const job = jobInFlight(await jobs.read(model), nowMs);
      if (job === undefined) continue;
      const document = await documents.job(job.job_id);
      views.push(document === undefined ? queuedJob(model, job) : seenBy(job, document));
    }
    return views;
  }

  /** Jobs that have ended, the newest first. @throws EngineError SERVICE_UNAVAILABLE */
  async ended(model: string | undefined, limit: number): Promise<TrainingJob[]> {
    return this.#options.history.list({ model, limit });
  }

  /** The record that has this job as its newest. */
  async #find(jobId: string): Promise<Found | undefined> {
    const { jobs } = this.#options;
    for (const model of await jobs.models()) {
      const { job } = await jobs.read(model);
      if (job?.job_id === jobId) return { model, job };
    }
    return undefined;
  }
}

/** A trainer that died has left its document running: the record knows better. */
function seenBy(job: RetrainJob | null, document: TrainingJob): TrainingJob {
  if (job?.job_id !== document.job_id) return document;
  if (job.state === "cancelled") return { ...document, status: "CANCELLED", estimated_completion: null };
  if (job.state === "expired") return { ...document, status: "FAILED", estimated_completion: null };
  return document;
}

function queuedJob(model: string, job: RetrainJob): QueuedJob {
  const { state, job_id, cause, requested_by, requested_at, deadline } = job;
  const status = state === "cancelled" ? "CANCELLED" : state === "expired" ? "FAILED" : "QUEUED";
  return {
    job_id,
    model_name: model,
    status,
    stage: null,
    progress: 0,
    cause,
    requested_by,
    requested_at,
    deadline,
  };
}
