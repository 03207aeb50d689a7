/** Training jobs, from the client. */
import type {
  CancelTrainingRequest,
  JobAnswer,
  JobsAnswer,
  JobsQuery,
  StartTrainingRequest,
} from "../contract/training.ts";
import { type Ask, get, path, post } from "./client-call.ts";
import type { CallOptions } from "./http-caller.ts";

const PATH = "/api/v1/training";

export class TrainingCalls {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Starts a training job. */
  async start(request: StartTrainingRequest, options?: CallOptions): Promise<JobAnswer> {
    return this.#ask(post(`${PATH}/start`, request, "changes"), options);
  }

  /** What a job does, and what came of it. */
  async status(jobId: string, options?: CallOptions): Promise<JobAnswer> {
    return this.#ask(get(PATH + path`/${jobId}/status`), options);
  }

  /** Calls a job off. */
  async cancel(
    jobId: string,
    request: CancelTrainingRequest = {},
    options?: CallOptions,
  ): Promise<JobAnswer> {
    return this.#ask(post(PATH + path`/${jobId}/cancel`, request, "changes"), options);
  }

  /** Jobs in flight. */
  async active(options?: CallOptions): Promise<JobsAnswer> {
    return this.#ask(get(`${PATH}/jobs/active`), options);
  }

  /** Jobs that have ended, the newest first. */
  async ended(query: JobsQuery = {}, options?: CallOptions): Promise<JobsAnswer> {
    return this.#ask(get(`${PATH}/jobs`, query), options);
  }
}
