/**
 * The records of retraining jobs in the KV bucket `<prefix>_jobs`, one per model, changed by compare-and-set; and what a
 * trainer does with a job.
 *
 * The trainer's contract. It pulls one message of the stream of retraining jobs and then, in this order:
 *   1. startJob. Not accepted: the job is cancelled, expired, ended or replaced, and the message is acknowledged, nothing else.
 *   2. It trains, and tells the stream that it is at it (`working`) more often than its consumer's ack_wait, so that the message
 *      comes again only if it dies. Before it changes anything that lasts, it asks again by `read` whether the job is running,
 *      in its own attempt.
 *   3. finishJob with the attempt that startJob gave. Not accepted: its result is not wanted any more and is dropped.
 *   4. It acknowledges the message, unless another attempt has the job by now: the message is that one's.
 * Never acknowledge before startJob: a job that is neither in the stream nor started is published again (job-outbox).
 *
 * Invariant: a change takes effect once, even when the answer to its write is lost. Bounds: those of compareAndSet.
 */
import { randomUUID } from "node:crypto";
import type { JetStreamManager } from "@nats-io/jetstream";
import type { KV } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import {
  finished,
  type JobAnswer,
  type JobOutcome,
  type JobRecord,
  NO_JOBS,
  parseJobRecord,
  started,
} from "../engine/core/retrain-job.ts";
import { readKeys } from "./bucket-keys.ts";
import { compareAndSet } from "./compare-and-set.ts";
import { openKvBucket } from "./kv-bucket.ts";
import { insist } from "./nats-failure.ts";

const CHANGES_MAX = 50;

/** What a change makes of a record; the record itself when there is nothing to write. */
export interface Changed<T> {
  readonly record: JobRecord;
  readonly result: T;
}

export interface JobStoreParts {
  readonly kv: Pick<KV, "get" | "create" | "update">;
  readonly manager: JetStreamManager;
  readonly bucket: string;
}

export interface JobStoreOptions {
  /** First part of the bucket's name. */
  readonly prefix: string;
}

/** Opens the store on `connection`, creating its bucket when it is missing. @throws EngineError SERVICE_UNAVAILABLE. */
export async function openJobStore(
  connection: NatsConnection,
  { prefix }: JobStoreOptions,
): Promise<JobStore> {
  return new JobStore(await openKvBucket(connection, `${prefix}_jobs`));
}

export class JobStore {
  readonly #parts: JobStoreParts;

  constructor(parts: JobStoreParts) {
    this.#parts = parts;
  }

  async read(model: string): Promise<JobRecord> {
    return (await this.#read(model)).record;
  }

  /** The models that have a record, in the order of their names. */
  async models(): Promise<string[]> {
    const { manager, bucket } = this.#parts;
    const { keys } = await insist("list the retraining jobs", () => readKeys(manager, bucket, "model.*"));
    return keys.map((key) => key.slice("model.".length)).sort();
  }

  /**
   * Applies the change to the newest record, exactly once, and returns its result.
   * @throws EngineError of the change itself, or SERVICE_UNAVAILABLE.
   */
  change<T>(model: string, change: (record: JobRecord) => Changed<T>): Promise<T> {
    const { kv } = this.#parts;
    const id = randomUUID();
    let written: T | undefined;
    return compareAndSet(`change the retraining jobs of ${model}`, async () => {
      const { record, revision } = await this.#read(model);
      if (record.changes.includes(id)) return written as T; // the answer to the write was lost
      const { record: next, result } = change(record);
      if (next === record) return result;
      written = result;
      const text = JSON.stringify({ ...next, changes: [id, ...next.changes].slice(0, CHANGES_MAX) });
      await (revision === 0 ? kv.create(keyOf(model), text) : kv.update(keyOf(model), text, revision));
      return result;
    });
  }

  /** Takes the job, or takes it over from a trainer that died. Accepted, the answer holds the attempt that finishJob asks for. */
  startJob(model: string, jobId: string, nowMs: number): Promise<JobAnswer> {
    return this.change(model, (record) => {
      const { record: next, answer } = started(record, jobId, nowMs);
      return { record: next, result: answer };
    });
  }

  /** Ends the job; not accepted when it was cancelled, has expired, or another attempt has taken it over. */
  finishJob(
    model: string,
    job: { readonly jobId: string; readonly attempt: number },
    outcome: JobOutcome,
    nowMs: number,
  ): Promise<JobAnswer> {
    return this.change(model, (record) => {
      const { record: next, answer } = finished(record, job, outcome, nowMs);
      return { record: next, result: answer };
    });
  }

  async #read(model: string): Promise<{ readonly record: JobRecord; readonly revision: number }> {
    const entry = await insist("read the retraining jobs", () => this.#parts.kv.get(keyOf(model)));
    if (entry === null) return { record: NO_JOBS, revision: 0 };
    if (entry.operation !== "PUT") return { record: NO_JOBS, revision: entry.revision };
    return { record: parseJobRecord(entry.string()), revision: entry.revision };
  }
}

function keyOf(model: string): string {
  return `model.${model}`;
}
