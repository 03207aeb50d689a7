/**
 * What asks for a retraining: the one message on `<prefix>.retrain.<model>`, with the evidence that led to it.
 *
 * Checked where it is made and where it is taken. Bounds: EVIDENCE_MAX pieces, together at most EVIDENCE_BYTES_MAX as
 * JSON, and TRAINING_BYTES_MAX of specification, so that the record which holds them until they are published fits into one
 * NATS message.
 */
import { z } from "zod";
import { EngineError } from "./errors.ts";
import { MODEL_NAME } from "./names.ts";

/** Causes of a retraining, the weightiest first: the first of several gives the job its id. */
export const RETRAIN_CAUSES = [
  "manual",
  "performance",
  "estimated_performance",
  "drift",
  "labels",
  "schedule",
] as const;
export type RetrainCause = (typeof RETRAIN_CAUSES)[number];

export const EVIDENCE_MAX = 16;
const NUMBERS_MAX = 64;
const WINDOWS_MAX = 32;
const EVIDENCE_BYTES_MAX = 16 * 1024;
const TRAINING_BYTES_MAX = 64 * 1024;

export const utcTime = z.iso.datetime({ precision: 3 });

export const evidencePiece = z.strictObject({
  cause: z.enum(RETRAIN_CAUSES),
  /** What was measured, by name: PSI, metrics, counts; a text where that is the finding, such as a severity. */
  numbers: z
    .record(z.string().min(1).max(128), z.union([z.number(), z.string().max(1000)]))
    .refine((numbers) => Object.keys(numbers).length <= NUMBERS_MAX, `at most ${NUMBERS_MAX} numbers`),
  /** The time that was looked at: from `from` up to, not including, `to`. */
  windows: z.array(z.strictObject({ from: utcTime, to: utcTime })).max(WINDOWS_MAX),
  /** Of the reference that was compared with; null where none is. */
  reference_id: z.string().min(1).max(256).nullable(),
  incident_id: z.string().min(1).max(256).optional(),
});

export type Evidence = z.infer<typeof evidencePiece>;

export const retrainRequest = z.strictObject({
  job_id: z.uuid(),
  model_name: z.string().regex(MODEL_NAME, "must be a model's name"),
  requested_at: utcTime,
  /** The weightiest of the evidence's causes. */
  cause: z.enum(RETRAIN_CAUSES),
  evidence: z
    .array(evidencePiece)
    .min(1)
    .max(EVIDENCE_MAX)
    .refine(
      (pieces) => Buffer.byteLength(JSON.stringify(pieces)) <= EVIDENCE_BYTES_MAX,
      `at most ${EVIDENCE_BYTES_MAX} bytes as JSON: attach the weightiest numbers only`,
    ),
  /** From then on the job counts as lost, whatever its trainer says. */
  deadline: utcTime,
  requested_by: z.string().min(1).max(256),
  /** How to train, when a person said so (training-spec); absent: as the model's own specification says. */
  training: z
    .record(z.string(), z.unknown())
    .refine(
      (training) => Buffer.byteLength(JSON.stringify(training)) <= TRAINING_BYTES_MAX,
      `at most ${TRAINING_BYTES_MAX} bytes as JSON`,
    )
    .optional(),
});

export type RetrainRequest = z.infer<typeof retrainRequest>;

/** @throws EngineError INVALID_REQUEST with one detail per wrong field. */
export function parseRetrainRequest(value: unknown): RetrainRequest {
  const result = retrainRequest.safeParse(value);
  if (result.success) return result.data;
  const details = result.error.issues
    .slice(0, 20)
    .map((issue) => ({ field: issue.path.join(".") || "request", message: issue.message }));
  throw new EngineError(
    "INVALID_REQUEST",
    `the retraining request cannot be made: ${details[0]?.field}: ${details[0]?.message}`,
    { details },
  );
}

/** Times on the wire. */
export function utcText(ms: number): string {
  return new Date(ms).toISOString();
}

/** The day of a time, UTC: 2026-11-21. */
export function utcDay(ms: number): string {
  return utcText(ms).slice(0, 10);
}
