/**
 * Publishes what waits in a model's record: its job, once, and the events. Any engine may do it, at any time, several at once.
 *
 *     record with `unpublished` ─▶ position, stream, record are read in this order ─▶ publish at that position ─▶ mark
 *
 * Why a job is in the stream once, whoever dies or stalls in between, for however long:
 *  - Published before the position was read, it is still in the stream (then it is only marked), or a trainer has taken it, who started
 *    it in the record before he acknowledged: the record, which is read last, says so.
 *  - Published after, the position has moved, and the stream refuses the second.
 *  - Within the stream's duplicate window it drops the second by its id anyway.
 * Events come at least once; repeats within the duplicate window are dropped, later ones bear the same ids in their bodies.
 * Bound: ATTEMPTS_MAX positions that others took first.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { JobStore } from "../../storage/job-store.ts";
import type { JobQueue } from "../../streams/job-queue.ts";
import { EngineError } from "../core/errors.ts";
import type { JobRecord } from "../core/retrain-job.ts";
import type { RetrainRequest } from "../core/retrain-request.ts";

const ATTEMPTS_MAX = 100;
const PAUSE_MS = 10;

export type OutboxStore = Pick<JobStore, "read" | "change">;
export type OutboxQueue = Pick<JobQueue, "lastSeq" | "holds" | "publish" | "publishEvent">;

/** Whether something waits to be published. */
export function hasUnpublished({ job, events }: JobRecord): boolean {
  return job?.unpublished !== undefined || events.length > 0;
}

/**
 * Resolves when all that waits is published and marked so, by whomever.
 * @throws EngineError SERVICE_UNAVAILABLE, or what the stream says; what is not published waits on.
 */
export async function publishWaiting(model: string, store: OutboxStore, queue: OutboxQueue): Promise<void> {
  const { job, events } = await store.read(model);
  const request = job?.unpublished;
  if (request !== undefined) await publishJob(model, request, store, queue);
  for (const { kind, id, body } of events) await queue.publishEvent(kind, id, body);
  const published = new Set(events.map(({ id }) => id));
  if (request === undefined && published.size === 0) return;
  await store.change(model, (record) => ({ record: marked(record, request, published), result: undefined }));
}

async function publishJob(
  model: string,
  request: RetrainRequest,
  store: OutboxStore,
  queue: OutboxQueue,
): Promise<void> {
  const jobId = request.job_id;
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const lastSeq = await queue.lastSeq();
    if (await queue.holds(model, jobId)) return;
    const { job } = await store.read(model);
    if (job?.job_id !== jobId || job.unpublished === undefined) return; // published, started or called off
    const text = JSON.stringify(request);
    if ((await queue.publish(model, jobId, text, lastSeq)) === "stored") return;
    await delay(Math.random() * PAUSE_MS);
  }
  throw new EngineError(
    "SERVICE_UNAVAILABLE",
    `the retraining job of ${model} could not be published: too many at once, it is tried again`,
  );
}

/** Without what was published; the record itself if another has marked it. */
function marked(
  record: JobRecord,
  request: RetrainRequest | undefined,
  published: ReadonlySet<string>,
): JobRecord {
  const { job } = record;
  const isJob = request !== undefined && job?.job_id === request.job_id && job.unpublished !== undefined;
  const events = record.events.filter(({ id }) => !published.has(id));
  if (!isJob && events.length === record.events.length) return record;
  if (!isJob) return { ...record, events };
  const { unpublished: _, ...rest } = job;
  return { ...record, job: rest, events };
}
