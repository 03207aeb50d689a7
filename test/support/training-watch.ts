/**
 * What the training jobs of an engine are doing, heard as it is written to NATS: sooner than anybody could ask.
 *
 * A subject of a bucket tells of writes that were refused, too; of documents and aliases none is.
 */
import { connect, type Msg, type NatsConnection } from "@nats-io/transport-node";
import { TRAINING_STAGES, type TrainingJob, type TrainingStage } from "../../engine/core/training-job.ts";

export const STAGES = Object.keys(TRAINING_STAGES) as TrainingStage[];

/** In a job's life: a stage begins, its version is in production, its document has ended and nothing else yet. */
export type Moment = TrainingStage | "DEPLOYED" | "ENDED";
export const MOMENTS: readonly Moment[] = [...STAGES, "DEPLOYED", "ENDED"];

interface Waiting {
  readonly jobId: string;
  readonly moment: Moment;
  readonly resolve: () => void;
}

export class TrainingWatch implements AsyncDisposable {
  /** The newest documents by job. */
  readonly jobs = new Map<string, TrainingJob>();
  readonly #nats: NatsConnection;
  #waiting: readonly Waiting[] = [];

  private constructor(nats: NatsConnection) {
    this.#nats = nats;
  }

  static async open(natsUrl: string): Promise<TrainingWatch> {
    const nats = await connect({ servers: natsUrl, noAsyncTraces: true });
    const watch = new TrainingWatch(nats);
    nats.subscribe("$KV.millrace_training.>", { callback: (_, message) => watch.#onDocument(message) });
    nats.subscribe("$KV.millrace_models.aliases.*", { callback: (_, message) => watch.#onAliases(message) });
    await nats.flush();
    return watch;
  }

  /** Resolves as the job comes to the moment; one that it has passed by is waited for again. @throws after the time. */
  async until(jobId: string, moment: Moment, timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = new Error(`not within ${timeoutMs} ms: job ${jobId} comes to ${moment}`);
      const timer = setTimeout(() => reject(late), timeoutMs);
      const reached = (): void => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting = [...this.#waiting, { jobId, moment, resolve: reached }];
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#nats.close();
  }

  #onDocument(message: Msg): void {
    const job = message.json<TrainingJob>();
    this.jobs.set(job.job_id, job);
    const moment = job.status === "RUNNING" ? job.stage : "ENDED";
    this.#wake((one) => one.jobId === job.job_id && one.moment === moment);
  }

  #onAliases(message: Msg): void {
    const { aliases } = message.json<{ aliases: Record<string, { version: string }> }>();
    const model = message.subject.split(".").at(-1);
    this.#wake(({ jobId, moment }) => {
      const job = this.jobs.get(jobId);
      const isInProduction = aliases["production"]?.version === job?.model_version;
      return moment === "DEPLOYED" && job?.model_name === model && isInProduction;
    });
  }

  #wake(isReached: (one: Waiting) => boolean): void {
    const reached = this.#waiting.filter(isReached);
    this.#waiting = this.#waiting.filter((one) => !reached.includes(one));
    for (const { resolve } of reached) resolve();
  }
}
