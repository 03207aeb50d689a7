/**
 * The trainer: takes retraining jobs out of their queue, one after the other, and sees each to its end.
 *
 *     pulled ─▶ startJob ─▶ prepared ─▶ trained (training-process) ─▶ registered and deployed ─▶ finishJob ─▶ told ─▶ acknowledged
 *                  │            └── an error that may pass: back into the queue, later; ATTEMPTS_MAX times
 *                  └── cancelled, expired or another's: acknowledged, nothing else
 *
 * The job's record decides (job-store): it is asked every WATCH_MS, and a job that is no longer running in this attempt is dropped
 * within that time. Invariant: nothing lasting is changed after the record was seen to say so. Whoever takes a job over goes on from
 * its document. Bound: one job at a time.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { JobStore } from "../../storage/job-store.ts";
import type { TrainingStore } from "../../storage/training-store.ts";
import type { HeldJob, JobReader } from "../../streams/job-reader.ts";
import { EngineError, messageOf, toEngineError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { parseRetrainRequest, type RetrainRequest, utcText } from "../core/retrain-request.ts";
import type { TrainingJob } from "../core/training-job.ts";
import { begunDocument, JobDocument } from "./job-document.ts";
import type { Train, TrainingResult, TrainingTask } from "./training-task.ts";

const WATCH_MS = 1_000;
const ATTEMPTS_MAX = 5;
const BACKOFF_FIRST_MS = 5_000;
const BACKOFF_LAST_MS = 300_000;
const PAUSE_MS = 1_000;

export interface JobRunnerOptions {
  readonly reader: Pick<JobReader, "next">;
  readonly jobs: Pick<JobStore, "read" | "startJob" | "finishJob">;
  readonly documents: Pick<TrainingStore, "job" | "write">;
  /** Finds out what is to be done. @throws EngineError when the job cannot be carried out. */
  readonly prepare: (request: RetrainRequest, document: TrainingJob) => Promise<TrainingTask>;
  readonly train: Train;
  /** Registers the model that has passed its gate, and deploys it. May be done again. */
  readonly conclude: (
    task: TrainingTask,
    result: TrainingResult,
    document: JobDocument,
  ) => Promise<"deployed" | "registered">;
  /** Keeps the job in its history and tells of its end, once, however often it is called. */
  readonly tell: (job: TrainingJob) => Promise<void>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly logger: Logger;
}

/** The end of an attempt that is no longer wanted. */
class Dropped extends Error {}

export class JobRunner {
  readonly #options: JobRunnerOptions;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  /** Takes jobs until `signal` aborts; the job under way then goes back into the queue. */
  async run(signal: AbortSignal): Promise<void> {
    const { reader, logger } = this.#options;
    while (!signal.aborted) {
      try {
        const held = await reader.next();
        if (held !== undefined) await this.#take(held, signal);
      } catch (error) {
        logger.warn({ err: messageOf(error) }, "the queue of training jobs failed, trying again");
        await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #take(held: HeldJob, stopping: AbortSignal): Promise<void> {
    const { jobs, clock, logger } = this.#options;
    let request: RetrainRequest;
    try {
      request = parseRetrainRequest(JSON.parse(Buffer.from(held.data).toString("utf8")));
    } catch (error) {
      logger.error(
        { model: held.model, err: messageOf(error) },
        "a training job cannot be read and is dropped",
      );
      return held.done();
    }
    const { model_name: model, job_id: jobId } = request;
    try {
      const answer = await jobs.startJob(model, jobId, clock());
      if (answer.isAccepted) await this.#attempt(request, answer.attempt, stopping);
      else await this.#close(request, answer.state);
      await held.done();
    } catch (error) {
      const delayMs = Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** (held.deliveries - 1));
      logger.warn(
        { model, jobId, delayMs, err: messageOf(error) },
        "a training job goes back into the queue",
      );
      held.later(stopping.aborted ? 0 : delayMs);
    }
  }

  /** A job that has ended, or never began because it was called off: what is not told of it yet is told. */
  async #close(request: RetrainRequest, state: string): Promise<void> {
    const { documents, tell, clock } = this.#options;
    const nowMs = clock();
    const found = await documents.job(request.job_id);
    if (found !== undefined && isEnded(found)) return tell(found);
    const job = {
      ...(found ?? begunDocument(request, 0, undefined, nowMs)),
      ...endOf(state),
      ended_at: utcText(nowMs),
    };
    if (await documents.write(job)) await tell(job);
  }

  /** @throws what is to be tried again later. */
  async #attempt(request: RetrainRequest, attempt: number, stopping: AbortSignal): Promise<void> {
    const { documents, clock, logger } = this.#options;
    const before = await documents.job(request.job_id);
    if (before !== undefined && before.status !== "RUNNING" && before.status !== "QUEUED")
      return this.#finish(before, attempt);
    const document = new JobDocument(begunDocument(request, attempt, before, clock()), {
      store: documents,
      clock,
    });
    const dropping = new AbortController();
    const watching = this.#watch(request, attempt, dropping);
    const signal = AbortSignal.any([stopping, dropping.signal]);
    try {
      if (attempt > ATTEMPTS_MAX) throw givenUp(attempt - 1);
      await document.settle();
      await this.#work(request, document, signal);
    } catch (error) {
      if (stopping.aborted) throw error;
      if (dropping.signal.aborted) return this.#dropped(document);
      const failure = toEngineError(error);
      if (failure.meaning.retry === "later" && attempt < ATTEMPTS_MAX) {
        document.log("warn", `attempt ${attempt} failed, trying again: ${failure.message}`);
        await document.settle();
        throw failure;
      }
      if (failure.code === "INTERNAL")
        logger.error({ err: error, jobId: request.job_id }, "a training job failed");
      document.set({ status: "FAILED", error: describe(failure) });
      document.log("error", failure.message);
    } finally {
      clearInterval(watching);
    }
    document.set({ ended_at: utcText(clock()), estimated_completion: null });
    if (await document.settle()) await this.#finish(document.job, attempt);
  }

  async #work(request: RetrainRequest, document: JobDocument, signal: AbortSignal): Promise<void> {
    const { prepare, train, conclude, logger } = this.#options;
    const { job_id: jobId, model_name: model } = request;
    const task = await prepare(request, document.job);
    document.set({ spec: { ...task.spec }, parent_version: parentOf(task) });
    logger.info({ jobId, model, cause: request.cause }, "training started");
    const result = await train(task, (news) => document.hear(news), signal);
    document.set({ metrics: { ...result.metrics }, gate: { ...result.gate } });
    signal.throwIfAborted();
    if (result.isPassed) {
      document.hear({ kind: "progress", stage: "REGISTERING", share: 0 });
      document.set({ model_version: task.version });
      if (!(await document.settle())) throw new Dropped();
      const outcome = await conclude(task, result, document);
      document.set({ status: "COMPLETED", outcome, progress: 100 });
    } else {
      document.set({ status: "COMPLETED", outcome: "rejected", progress: 100 });
    }
    logger.info(
      { jobId, model, outcome: document.job.outcome, version: document.job.model_version },
      "training ended",
    );
  }

  /** Aborts `dropping` when the record no longer has this attempt running. */
  #watch({ model_name, job_id }: RetrainRequest, attempt: number, dropping: AbortController): NodeJS.Timeout {
    return setInterval(() => {
      this.#options.jobs.read(model_name).then(
        ({ job }) => {
          const isMine = job?.job_id === job_id && job.state === "running" && job.attempt === attempt;
          if (!isMine) dropping.abort(new Dropped(job?.job_id === job_id ? job.state : "unknown"));
        },
        () => undefined,
      );
    }, WATCH_MS);
  }

  /** The record says why; a job that another attempt has taken over is its. */
  async #dropped(document: JobDocument): Promise<void> {
    const { jobs, clock, logger } = this.#options;
    const { job_id, model_name, attempt } = document.job;
    const { job } = await jobs.read(model_name);
    logger.info({ jobId: job_id, model: model_name }, "a training job is no longer wanted");
    if (job?.job_id !== job_id || job.attempt !== attempt) return;
    document.set({ ...endOf(job.state), ended_at: utcText(clock()), estimated_completion: null });
    if (await document.settle()) await this.#options.tell(document.job);
  }

  /** The job's record ends as its document did. */
  async #finish(job: TrainingJob, attempt: number): Promise<void> {
    const { jobs, tell, clock } = this.#options;
    const { job_id: jobId, model_name: model } = job;
    const state = job.status === "COMPLETED" ? "succeeded" : "failed";
    await jobs.finishJob(model, { jobId, attempt }, { state, note: noteOf(job) }, clock());
    await tell(job);
  }
}

function isEnded({ status }: TrainingJob): boolean {
  return status !== "QUEUED" && status !== "RUNNING";
}

function parentOf({ champion }: TrainingTask): string | null {
  const version = (champion?.manifest as { readonly version?: unknown } | undefined)?.version;
  return typeof version === "string" ? version : null;
}

function endOf(state: string): Pick<TrainingJob, "status" | "error"> {
  if (state === "cancelled") return { status: "CANCELLED", error: null };
  const message = state === "expired" ? "the job did not end before its deadline" : `the job is ${state}`;
  return { status: "FAILED", error: { code: "DEADLINE_EXCEEDED", message, details: [] } };
}

function describe({ code, message, details }: EngineError): TrainingJob["error"] {
  return { code, message: message.slice(0, 2000), details: [...details].slice(0, 20) };
}

function givenUp(attempts: number): EngineError {
  return new EngineError("TRAINING_FAILED", `its trainers died in ${attempts} attempts`);
}

function noteOf({ outcome, model_version, error }: TrainingJob): string {
  if (error !== null) return error.message.slice(0, 1000);
  return outcome === "rejected"
    ? "the gate rejected the new model"
    : `version ${model_version} was ${outcome}`;
}
