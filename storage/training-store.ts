/**
 * What training jobs are doing, in the KV bucket `<prefix>_training`: `job.<job_id>`.
 *
 * Bounds: a document by what one NATS message holds (training-job), and AGE_MS_MAX: older jobs are in ClickHouse only.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { parseTrainingJob, type TrainingJob } from "../engine/core/training-job.ts";
import { type DocumentBucket, openDocumentBucket } from "./document-bucket.ts";

const AGE_MS_MAX = 30 * 24 * 3_600_000;

/** @throws EngineError SERVICE_UNAVAILABLE */
export async function openTrainingStore(
  connection: NatsConnection,
  { prefix }: { readonly prefix: string },
): Promise<TrainingStore> {
  return new TrainingStore(
    await openDocumentBucket(connection, `${prefix}_training`, { ageMsMax: AGE_MS_MAX }),
  );
}

export class TrainingStore {
  readonly #bucket: DocumentBucket;

  constructor(bucket: DocumentBucket) {
    this.#bucket = bucket;
  }

  /** Undefined when no trainer has taken the job yet, or long ago. @throws EngineError SERVICE_UNAVAILABLE */
  async job(jobId: string): Promise<TrainingJob | undefined> {
    const value = await this.#bucket.get(`job.${jobId}`);
    return value === undefined ? undefined : parseTrainingJob(value);
  }

  /**
   * Writes the document unless a later attempt has: that one holds the job. Whether it was written.
   * @throws EngineError SERVICE_UNAVAILABLE
   */
  async write(job: TrainingJob): Promise<boolean> {
    return this.#bucket.change(`job.${job.job_id}`, (current) => {
      if (current !== undefined && parseTrainingJob(current).attempt > job.attempt) return { result: false };
      return { write: job, result: true };
    });
  }
}
