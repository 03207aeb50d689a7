/**
 * The life of a retraining job, and the one record of a model that holds it.
 *
 *     requested ──▶ running ──▶ succeeded │ failed        by the trainer: startJob, finishJob
 *         └─────────────┴─────▶ cancelled │ expired       by a person; by the deadline
 *
 * Key in the KV bucket `<prefix>_jobs`: `model.<name>`, changed by compare-and-set only. A job is in flight while it is
 * requested or running and its deadline has not passed; a model has one at most. `attempt` is a fencing token: who starts a job
 * that is running, because its trainer died and the message came again, takes it over, and the former holder cannot finish it.
 * All functions are pure. Bounds: the *_MAX below.
 */
import { z } from "zod";
import { EngineError } from "./errors.ts";
import { evidencePiece, RETRAIN_CAUSES, retrainRequest, utcText, utcTime } from "./retrain-request.ts";

/** Keys of automatic causes that a job was requested for, newest first. */
export const DECIDED_MAX = 200;
export const DECISIONS_MAX = 20;
export const REFUSALS_MAX = 20;
export const EVENTS_MAX = 16;
export const QUALITY_INCIDENTS_MAX = 20;

const IN_FLIGHT = ["requested", "running"] as const;
const ENDED = ["succeeded", "failed", "expired", "cancelled"] as const;

export const REFUSALS = [
  "disabled",
  "below_threshold",
  "duplicate",
  "in_flight",
  "vetoed",
  "budget",
  "cooldown",
] as const;
export type Refusal = (typeof REFUSALS)[number];

export const retrainJob = z.strictObject({
  job_id: z.uuid(),
  state: z.enum([...IN_FLIGHT, ...ENDED]),
  cause: z.enum(RETRAIN_CAUSES),
  requested_at: utcTime,
  deadline: utcTime,
  requested_by: z.string(),
  /** SHA-256 of the evidence as JSON, hex. */
  evidence_digest: z.string(),
  /** The message, until the stream is known to have it. */
  unpublished: retrainRequest.optional(),
  /** How often it was started. */
  attempt: z.int().min(0),
  started_at: utcTime.optional(),
  ended_at: utcTime.optional(),
  /** What the trainer, or who cancelled it, says of its end. */
  note: z.string().max(1000).optional(),
});

export const qualityIncident = z.strictObject({
  incident_id: z.string().max(256),
  severity: z.string().max(32),
  opened_at: utcTime,
});

export const retrainDecision = z.strictObject({
  at: utcTime,
  outcome: z.enum(["requested", ...REFUSALS]),
  /** Why, for people. */
  reason: z.string(),
  job_id: z.string().optional(),
  evidence: z.array(evidencePiece),
  /** Of `vetoed`. */
  incidents: z.array(qualityIncident).optional(),
});

const outgoingEvent = z.strictObject({
  /** Under which the stream drops repeats. */
  id: z.string(),
  kind: z.string(),
  body: z.record(z.string(), z.unknown()),
});

const jobRecord = z.strictObject({
  /** As it was applied; absent: the defaults. */
  policy: z.unknown().optional(),
  /** How to train it, as it was applied (training-spec); absent: as the version that serves was trained. */
  training: z.unknown().optional(),
  /** The newest job, whatever its state. */
  job: retrainJob.nullable(),
  last_ended: retrainJob.nullable(),
  /** Jobs requested on a day, UTC. */
  day: z.strictObject({ date: z.string(), jobs: z.int().min(0) }),
  decided: z.array(z.string()),
  /** Newest first. */
  decisions: z.array(retrainDecision),
  /** Refusals that were told since the newest job was requested: each is told once. */
  refusals: z.array(z.string()),
  /** Events to publish, oldest first. */
  events: z.array(outgoingEvent),
  /** Labels there were when the newest job was requested; null until they are told, when it was requested without. */
  labels_at_job: z.int().min(0).nullable(),
  /** What the policy's schedule was when `next_at` was computed. */
  schedule: z.strictObject({ expression: z.string(), time_zone: z.string(), next_at: utcTime }).nullable(),
  /** As the monitor told them last. */
  quality_incidents: z.array(qualityIncident),
  /** Ids of the latest changes: a writer that lost its answer finds out whether it took effect. */
  changes: z.array(z.string()),
});

export type RetrainJob = z.infer<typeof retrainJob>;
export type QualityIncident = z.infer<typeof qualityIncident>;
export type RetrainDecision = z.infer<typeof retrainDecision>;
export type OutgoingEvent = z.infer<typeof outgoingEvent>;
export type JobRecord = Readonly<z.infer<typeof jobRecord>>;

export const NO_JOBS: JobRecord = {
  job: null,
  last_ended: null,
  day: { date: "", jobs: 0 },
  decided: [],
  decisions: [],
  refusals: [],
  events: [],
  labels_at_job: 0,
  schedule: null,
  quality_incidents: [],
  changes: [],
};

/** @throws EngineError INTERNAL: only the job store writes these records. */
export function parseJobRecord(text: string): JobRecord {
  const result = jobRecord.safeParse(JSON.parse(text));
  if (result.success) return result.data;
  throw new EngineError("INTERNAL", "a record of retraining jobs cannot be read", { cause: result.error });
}

/** The job that holds up others, or undefined. */
export function jobInFlight({ job }: JobRecord, nowMs: number): RetrainJob | undefined {
  if (job === null || !isOpen(job) || nowMs >= Date.parse(job.deadline)) return undefined;
  return job;
}

/** The record with its job expired if the deadline has passed; otherwise the record itself. */
export function withExpiry(record: JobRecord, nowMs: number): JobRecord {
  const { job } = record;
  if (job === null || !isOpen(job) || nowMs < Date.parse(job.deadline)) return record;
  return ended(record, job, "expired", Date.parse(job.deadline));
}

/** `unknown`: jobs that followed it have ended since. */
export type JobState = RetrainJob["state"] | "unknown";

/** What became of an attempt to move a job on; `state` is the job's. */
export type JobAnswer =
  | { readonly isAccepted: true; readonly attempt: number }
  | { readonly isAccepted: false; readonly state: JobState };

/** What the record knows of a job, also when another has followed it. */
export function stateOf({ job, last_ended }: JobRecord, jobId: string): JobState {
  return [job, last_ended].find((one) => one?.job_id === jobId)?.state ?? "unknown";
}

export interface Moved {
  readonly record: JobRecord;
  readonly answer: JobAnswer;
}

/** The trainer takes the job, or takes it over. */
export function started(before: JobRecord, jobId: string, nowMs: number): Moved {
  const record = withExpiry(before, nowMs);
  const { job } = record;
  if (job === null || job.job_id !== jobId || !isOpen(job)) return refused(record, jobId);
  const attempt = job.attempt + 1;
  const { unpublished: _, ...rest } = job; // the trainer has it, so the stream had it
  const running: RetrainJob = { ...rest, state: "running", attempt, started_at: utcText(nowMs) };
  return { record: { ...record, job: running }, answer: { isAccepted: true, attempt } };
}

/** How a job ended, by its trainer. */
export interface JobOutcome {
  readonly state: "succeeded" | "failed";
  /** For people, at most 1,000 characters. */
  readonly note?: string;
}

/** The holder of the latest attempt ends the job. Said again, it is accepted again and changes nothing. */
export function finished(
  before: JobRecord,
  { jobId, attempt }: { readonly jobId: string; readonly attempt: number },
  { state, note }: JobOutcome,
  nowMs: number,
): Moved {
  const record = withExpiry(before, nowMs);
  const { job } = record;
  const isMine = job !== null && job.job_id === jobId && job.attempt === attempt;
  if (isMine && job.state === state) return { record, answer: { isAccepted: true, attempt } };
  if (!isMine || job.state !== "running") return refused(record, jobId);
  return { record: ended(record, job, state, nowMs, note), answer: { isAccepted: true, attempt } };
}

/** The job in flight is called off; nothing when there is none. */
export function cancelled(before: JobRecord, nowMs: number, note?: string): JobRecord {
  const record = withExpiry(before, nowMs);
  const { job } = record;
  return job === null || !isOpen(job) ? record : ended(record, job, "cancelled", nowMs, note);
}

function isOpen({ state }: RetrainJob): boolean {
  return IN_FLIGHT.some((one) => one === state);
}

function ended(
  record: JobRecord,
  job: RetrainJob,
  state: (typeof ENDED)[number],
  atMs: number,
  note?: string,
): JobRecord {
  const { unpublished: _, ...rest } = job;
  const end: RetrainJob = {
    ...rest,
    state,
    ended_at: utcText(atMs),
    ...(note === undefined ? {} : { note: note.slice(0, 1000) }),
  };
  return { ...record, job: end, last_ended: end };
}

function refused(record: JobRecord, jobId: string): Moved {
  return { record, answer: { isAccepted: false, state: stateOf(record, jobId) } };
}
