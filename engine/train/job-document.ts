/**
 * The document of a training job while a trainer holds the job: news of the process go in, and are written at most every WRITE_MS, the
 * beginning of a stage at once.
 *
 * Invariant: writes follow one another, the last one wins; a document that a later attempt has written is left alone. What cannot be
 * written is written with the next news: only `settle` insists.
 */
import type { TrainingStore } from "../../storage/training-store.ts";
import { EngineError } from "../core/errors.ts";
import type { RetrainRequest } from "../core/retrain-request.ts";
import { utcText } from "../core/retrain-request.ts";
import {
  estimatedCompletion,
  progressAt,
  type TrainingJob,
  type TrainingLog,
  withLog,
  withTrial,
} from "../core/training-job.ts";
import { fingerprintIn } from "./training-order.ts";
import type { TrainingNews } from "./training-task.ts";

const WRITE_MS = 500;

export interface JobDocumentOptions {
  readonly store: Pick<TrainingStore, "write">;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/**
 * The document as an attempt begins it: what an earlier attempt has read and tried, and the number of its version, are kept; of one that
 * has registered its version, all.
 */
export function begunDocument(
  request: RetrainRequest,
  attempt: number,
  before: TrainingJob | undefined,
  nowMs: number,
): TrainingJob {
  if (before !== undefined && isRegistered(before))
    return { ...before, attempt, updated_at: utcText(nowMs), estimated_completion: null };
  return {
    job_id: request.job_id,
    model_name: request.model_name,
    status: "RUNNING",
    stage: "READING",
    progress: 0,
    estimated_completion: null,
    cause: request.cause,
    requested_by: request.requested_by,
    requested_at: request.requested_at,
    started_at: before?.started_at ?? utcText(nowMs),
    updated_at: utcText(nowMs),
    ended_at: null,
    attempt,
    spec: before?.spec ?? null,
    parent_version: before?.parent_version ?? null,
    model_version: before?.model_version ?? null,
    data: before?.data ?? null,
    trials: before?.trials ?? [],
    metrics: null,
    gate: null,
    outcome: null,
    error: null,
    logs: before?.logs ?? [],
  };
}

/** Whether its version is in the registry, with all that belongs to it, and waits for no more than its deployment. */
export function isRegistered({ stage }: TrainingJob): boolean {
  return stage === "DEPLOYING";
}

export class JobDocument {
  readonly #options: JobDocumentOptions;
  readonly #begunMs: number;
  #job: TrainingJob;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(job: TrainingJob, options: JobDocumentOptions) {
    this.#options = options;
    this.#job = job;
    this.#begunMs = options.clock();
  }

  get job(): TrainingJob {
    return this.#job;
  }

  hear(news: TrainingNews): void {
    switch (news.kind) {
      case "progress": {
        const isBeginning = news.stage !== this.#job.stage;
        this.set(this.#progressed(news.stage, news.share));
        return isBeginning ? this.#write() : undefined;
      }
      case "data":
        return this.set({ data: news.data, ...this.#trialsOn(news.data) });
      case "trial":
        this.#job = withTrial(this.#job, news.trial);
        return this.#writeSoon();
      case "log":
        return this.log(news.level, news.message);
    }
  }

  log(level: TrainingLog["level"], message: string): void {
    this.#job = withLog(this.#job, level, message, this.#options.clock());
    this.#writeSoon();
  }

  set(change: Partial<TrainingJob>): void {
    this.#job = { ...this.#job, ...change, updated_at: utcText(this.#options.clock()) };
    this.#writeSoon();
  }

  /** Writes what has not been written. Whether the document is still this attempt's. @throws EngineError SERVICE_UNAVAILABLE */
  async settle(): Promise<boolean> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#writing;
    return this.#options.store.write(this.#job);
  }

  /** As settle. @throws EngineError CONFLICT when a later attempt has the job. */
  async hold(): Promise<void> {
    if (await this.settle()) return;
    throw new EngineError("CONFLICT", "another attempt has the job");
  }

  /** Of other rows, trials say nothing of these: the process makes them anew. */
  #trialsOn(data: TrainingJob["data"]): Partial<TrainingJob> {
    return fingerprintIn(data) === fingerprintIn(this.#job.data) ? {} : { trials: [] };
  }

  #progressed(stage: NonNullable<TrainingJob["stage"]>, share: number): Partial<TrainingJob> {
    const progress = progressAt(stage, share);
    const estimate = estimatedCompletion(this.#begunMs, this.#options.clock(), 0, progress);
    return { stage, progress, estimated_completion: estimate };
  }

  #writeSoon(): void {
    this.#timer ??= setTimeout(() => this.#write(), WRITE_MS);
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing
      .then(async () => this.#options.store.write(this.#job))
      .catch(() => undefined);
  }
}
