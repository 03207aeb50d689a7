// hot path
/**
 * What one served model version has done since it was loaded, counted as Triton's statistics extension defines it.
 *
 *     arrival ─queue─▶ to the worker ─compute_input─▶ runtime ─compute_infer─▶ result ─compute_output─▶ answer, logged
 *
 * A request counts once, with its first row, and takes what the batch of that row took; rows are inferences, batches executions.
 * Updated once per batch, and once per request that fails. Bound: one entry per batch size.
 */
import type { ErrorCode } from "../core/errors.ts";

/** How often something happened, and how long it took in all. */
export interface Duration {
  readonly count: number;
  readonly ms: number;
}

/** The batches of one size. */
export interface BatchTimes {
  readonly executions: number;
  readonly inputMs: number;
  readonly inferMs: number;
  readonly outputMs: number;
}

/** What of a batch was answered. */
export interface Answered {
  readonly rows: number;
  /** Those of these rows that count as a request. */
  readonly requests: number;
  /** Their arrivals until the batch went to a worker, added up. */
  readonly waitedMs: number;
}

/** As Triton names why requests fail. Canceled ones there are none. */
export const FAILURE_REASONS = ["REJECTED", "CANCELED", "BACKEND", "OTHER"] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

type Counted<T> = { -readonly [Key in keyof T]: T[Key] };

/** A batch whose rows may be answered: performance.now() when it went to a worker and came back, and the time in the runtime. */
export interface ComputedBatch {
  readonly count: number;
  readonly startedMs: number;
  readonly finishedMs: number;
  readonly inferenceMs: number;
  /** Date.now() */
  readonly dateMs: number;
}

/** Rejected is what was not computed for want of room or time. All others are OTHER. */
const REASONS: Readonly<Partial<Record<ErrorCode, FailureReason>>> = {
  QUEUE_FULL: "REJECTED",
  DEADLINE_EXCEEDED: "REJECTED",
  SHUTTING_DOWN: "REJECTED",
  INFERENCE_FAILED: "BACKEND",
  WORKER_FAILED: "BACKEND",
};

export class ModelStatistics {
  readonly #batches = new Map<number, Counted<BatchTimes>>();
  readonly #failures: Record<FailureReason, number> = { REJECTED: 0, CANCELED: 0, BACKEND: 0, OTHER: 0 };
  #lastInferenceMs = 0;
  #inferences = 0;
  #requests = 0;
  #requestMs = 0;
  #waitedMs = 0;
  #inputMs = 0;
  #inferMs = 0;
  #outputMs = 0;
  #failedMs = 0;

  /** A batch was answered at `nowMs`, performance.now(). */
  answered(batch: ComputedBatch, { rows, requests, waitedMs }: Answered, nowMs: number): void {
    const inferMs = batch.inferenceMs;
    const inputMs = Math.max(0, batch.finishedMs - batch.startedMs - inferMs);
    const outputMs = nowMs - batch.finishedMs;
    this.#lastInferenceMs = batch.dateMs;
    this.#inferences += rows;
    this.#requests += requests;
    this.#requestMs += waitedMs + requests * (nowMs - batch.startedMs);
    this.#waitedMs += waitedMs;
    this.#inputMs += requests * inputMs;
    this.#inferMs += requests * inferMs;
    this.#outputMs += requests * outputMs;
    const times = this.#timesOf(batch.count);
    times.executions++;
    times.inputMs += inputMs;
    times.inferMs += inferMs;
    times.outputMs += outputMs;
  }

  /** Requests failed or were refused, each `ms` after its arrival. */
  failed(code: ErrorCode, ms: number, requests = 1): void {
    this.#failures[REASONS[code] ?? "OTHER"] += requests;
    this.#failedMs += ms * requests;
  }

  /** Date.now() of the last batch; 0: none yet. */
  get lastInferenceMs(): number {
    return this.#lastInferenceMs;
  }

  get inferences(): number {
    return this.#inferences;
  }

  get executions(): number {
    let executions = 0;
    for (const times of this.#batches.values()) executions += times.executions;
    return executions;
  }

  get success(): Duration {
    return { count: this.#requests, ms: this.#requestMs };
  }

  get fail(): Duration {
    const { REJECTED, CANCELED, BACKEND, OTHER } = this.#failures;
    return { count: REJECTED + CANCELED + BACKEND + OTHER, ms: this.#failedMs };
  }

  get queue(): Duration {
    return { count: this.#requests, ms: this.#waitedMs };
  }

  get computeInput(): Duration {
    return { count: this.#requests, ms: this.#inputMs };
  }

  get computeInfer(): Duration {
    return { count: this.#requests, ms: this.#inferMs };
  }

  get computeOutput(): Duration {
    return { count: this.#requests, ms: this.#outputMs };
  }

  get failures(): Readonly<Record<FailureReason, number>> {
    return this.#failures;
  }

  /** By batch size, the smallest first. */
  batches(): [size: number, times: BatchTimes][] {
    return [...this.#batches].sort(([a], [b]) => a - b);
  }

  #timesOf(size: number): Counted<BatchTimes> {
    const known = this.#batches.get(size);
    if (known !== undefined) return known;
    const times = { executions: 0, inputMs: 0, inferMs: 0, outputMs: 0 };
    this.#batches.set(size, times);
    return times;
  }
}
