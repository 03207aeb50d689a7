/**
 * The trainer: takes retraining jobs out of their queue, one after the other, and sees each to its end.
 *
 *     pulled ─▶ startJob ─▶ prepared ─▶ trained (training-process) ─▶ registered ─▶ deployed ─▶ finishJob ─▶ told ─▶ acknowledged
 *                  │            └── an error that may pass: back into the queue, later; ATTEMPTS_MAX times
 *                  └── cancelled, expired or ended: told, acknowledged
 *
 * The job's record decides (job-store): it is asked every WATCH_MS, before a version is registered and before it is deployed, and a job
 * that is no longer running in this attempt is dropped. If it has ended it is told of as it ended; else another attempt has it, and its
 * message too. Whoever takes a job over goes on from its document: one that has registered its version is only deployed.
 * Bound: one job at a time.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { JobStore } from "../../storage/job-store.ts";
import type { TrainingStore } from "../../storage/training-store.ts";
import type { HeldJob, JobReader } from "../../streams/job-reader.ts";
import { EngineError, messageOf, toEngineError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { type JobState, stateOf } from "../core/retrain-job.ts";
import { parseRetrainRequest, type RetrainRequest, utcText } from "../core/retrain-request.ts";
import type { TrainingJob } from "../core/training-job.ts";
import { begunDocument, isRegistered, JobDocument } from "./job-document.ts";
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
  /** Registers the model that has passed its gate, under the number in its document or a later one, which it has then. May be done again. */
  readonly register: (task: TrainingTask, result: TrainingResult, document: JobDocument) => Promise<void>;
  /** Deploys the version that was registered. Done again, it changes nothing. */
  readonly deploy: (
    task: TrainingTask,
    version: string,
    document: JobDocument,
  ) => Promise<"deployed" | "registered">;
  /** Keeps the job in its history and tells of its end, once, however often it is called. */
  readonly tell: (job: TrainingJob) => Promise<void>;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly logger: Logger;
}

/** One start of a job, and what ends it from outside. */
interface Attempt {
  readonly request: RetrainRequest;
  readonly attempt: number;
  /** Aborted when the record no longer has this attempt running. */
  readonly dropping: AbortController;
  /** That, or the trainer stops. */
  readonly signal: AbortSignal;
}

export class JobRunner {
  readonly #options: JobRunnerOptions;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
  }

  /** Takes jobs, one after the other, until `signal` aborts; the job under way then goes back into the queue. */
  async run(signal: AbortSignal): Promise<void> {
    const { reader, logger } = this.#options;
    while (!signal.aborted) {
      try {
        const held = await reader.next();
        if (held === undefined) continue;
        if (signal.aborted) held.later(0);
        else await this.#take(held, signal);
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
      const isOver = answer.isAccepted
        ? await this.#attempt(request, answer.attempt, stopping)
        : await this.#close(request, answer.state);
      if (isOver) await held.done();
      else held.leave();
    } catch (error) {
      const delayMs = Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** (held.deliveries - 1));
      logger.warn(
        { model, jobId, delayMs, err: messageOf(error) },
        "a training job goes back into the queue",
      );
      held.later(stopping.aborted ? 0 : delayMs);
    }
  }

  /** Whether the job is over; else another attempt has it. @throws what is to be tried again later. */
  async #attempt(request: RetrainRequest, attempt: number, stopping: AbortSignal): Promise<boolean> {
    const { documents, clock, logger } = this.#options;
    const before = await documents.job(request.job_id);
    if (before !== undefined && isEnded(before)) return this.#finish(request, before, attempt);
    const document = new JobDocument(begunDocument(request, attempt, before, clock()), {
      store: documents,
      clock,
    });
    const dropping = new AbortController();
    const signal = AbortSignal.any([stopping, dropping.signal]);
    const mine = { request, attempt, dropping, signal };
    const watching = setInterval(() => void this.#ask(mine).catch(() => undefined), WATCH_MS);
    try {
      if (attempt > ATTEMPTS_MAX) throw givenUp(attempt - 1);
      await document.hold();
      await this.#work(mine, document);
    } catch (error) {
      if (stopping.aborted) throw error;
      if (dropping.signal.aborted) return this.#dropped(request, document);
      const failure = toEngineError(error);
      if (failure.meaning.retry === "later" && attempt < ATTEMPTS_MAX) {
        document.log("warn", `attempt ${attempt} failed, trying again: ${failure.message}`);
        await document.settle();
        throw failure;
      }
      if (failure.code === "INTERNAL")
        logger.error({ err: error, jobId: request.job_id }, "a training job failed");
      document.set({ status: "FAILED", error: describe(failure), ...withoutVersion(document.job) });
      document.log("error", failure.message);
    } finally {
      clearInterval(watching);
    }
    document.set({ ended_at: utcText(clock()), estimated_completion: null });
    return (await document.settle()) && this.#finish(request, document.job, attempt);
  }

  async #work(mine: Attempt, document: JobDocument): Promise<void> {
    const { prepare, deploy, logger } = this.#options;
    const { job_id: jobId, model_name: model } = mine.request;
    const task = await prepare(mine.request, document.job);
    if (isRegistered(document.job) || (await this.#train(mine, task, document))) {
      await this.#ask(mine);
      const outcome = await deploy(task, document.job.model_version ?? task.version, document);
      document.set({ status: "COMPLETED", outcome, progress: 100 });
    } else {
      document.set({ status: "COMPLETED", outcome: "rejected", progress: 100, model_version: null });
    }
    logger.info(
      { jobId, model, outcome: document.job.outcome, version: document.job.model_version },
      "training ended",
    );
  }

  /** Whether a version came of it, which is registered then. */
  async #train(mine: Attempt, task: TrainingTask, document: JobDocument): Promise<boolean> {
    const { train, register, logger } = this.#options;
    const { job_id: jobId, model_name: model, cause } = mine.request;
    document.set({ spec: { ...task.spec }, parent_version: parentOf(task) });
    logger.info({ jobId, model, cause }, "training started");
    const result = await train(task, (news) => document.hear(news), mine.signal);
    document.set({ metrics: { ...result.metrics }, gate: { ...result.gate } });
    if (!result.isPassed) return false;
    document.hear({ kind: "progress", stage: "REGISTERING", share: 0 });
    document.set({ model_version: task.version });
    await document.hold();
    await this.#ask(mine);
    await register(task, result, document);
    document.hear({ kind: "progress", stage: "DEPLOYING", share: 0 });
    await document.hold();
    return true;
  }

  /** @throws why the attempt is to end, if the record no longer has it running or the trainer stops. */
  async #ask({ request, attempt, dropping, signal }: Attempt): Promise<void> {
    const { job } = await this.#options.jobs.read(request.model_name);
    const isMine = job?.job_id === request.job_id && job.state === "running" && job.attempt === attempt;
    if (!isMine) dropping.abort(new Error("the job is no longer wanted"));
    signal.throwIfAborted();
  }

  /** The record says what has become of the job. */
  async #dropped(request: RetrainRequest, document: JobDocument): Promise<boolean> {
    const { jobs, logger } = this.#options;
    const state = stateOf(await jobs.read(request.model_name), request.job_id);
    logger.info(
      { jobId: request.job_id, model: request.model_name },
      "a training job is no longer wanted here",
    );
    await document.settle();
    return this.#close(request, state);
  }

  /** The job's record ends as its document did, unless it has ended otherwise. */
  async #finish(request: RetrainRequest, job: TrainingJob, attempt: number): Promise<boolean> {
    const { jobs, tell, clock } = this.#options;
    const { job_id: jobId, model_name: model } = job;
    const state = job.status === "COMPLETED" ? "succeeded" : "failed";
    const answer = await jobs.finishJob(model, { jobId, attempt }, { state, note: noteOf(job) }, clock());
    if (!answer.isAccepted) return this.#close(request, answer.state);
    await tell(job);
    return true;
  }

  /**
   * What the record says of the job's end stands: its document ends so, and is told if it was not. Whether the job is over; else another
   * attempt has it.
   */
  async #close(request: RetrainRequest, state: JobState): Promise<boolean> {
    const { documents, tell, clock } = this.#options;
    if (state === "requested" || state === "running") return false;
    const nowMs = clock();
    const found = await documents.job(request.job_id);
    const end = endOf(state, nowMs >= Date.parse(request.deadline));
    const isCalledOff = state === "cancelled" || state === "expired";
    if (found !== undefined && isEnded(found) && (!isCalledOff || found.status === end.status)) {
      await tell(found);
      return true;
    }
    const job = {
      ...(found ?? begunDocument(request, 0, undefined, nowMs)),
      ...(found === undefined ? {} : withoutVersion(found)),
      ...end,
      ended_at: utcText(nowMs),
      estimated_completion: null,
    };
    if (!(await documents.write(job))) return this.#close(request, state); // an attempt that began meanwhile
    await tell(job);
    return true;
  }
}

function isEnded({ status }: TrainingJob): boolean {
  return status !== "QUEUED" && status !== "RUNNING";
}

function parentOf({ champion }: TrainingTask): string | null {
  const version = (champion?.manifest as { readonly version?: unknown } | undefined)?.version;
  return typeof version === "string" ? version : null;
}

/** Only what is called off is followed by another job before it has ended, and before its deadline only by a person. */
function endOf(state: string, isLate: boolean): Pick<TrainingJob, "status" | "error"> {
  if (state === "cancelled" || (state === "unknown" && !isLate)) return { status: "CANCELLED", error: null };
  const message = "the job did not end before its deadline";
  return { status: "FAILED", error: { code: "DEADLINE_EXCEEDED", message, details: [] } };
}

/** The number that a version was to have is that of none if it was not registered. */
function withoutVersion(job: TrainingJob): Partial<TrainingJob> {
  return isRegistered(job) ? {} : { model_version: null };
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
