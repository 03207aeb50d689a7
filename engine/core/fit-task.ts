/**
 * What the engine and an external trainer say to each other about one fit: JSON, in any language (examples/python-trainer).
 *
 *     engine   order ─ "model" ─────────── "stop": answer now ─────── "nothing": drop it
 *     trainer        └─ progress, progress … ─┴─ answer: done │ failed
 *
 * Invariant: each document has one writer, and an answer is written once. Bounds: FIT_BYTES_MAX for the task, LOSSES_MAX losses.
 */
import { z } from "zod";
import type { TrainingTask } from "./training-set.ts";

/** Model types that processes of other languages train. */
export const EXTERNAL_TYPES = ["XGBOOST", "LIGHTGBM", "SCIKIT_LEARN"] as const;
export type ExternalType = (typeof EXTERNAL_TYPES)[number];

export function isExternalType(type: unknown): type is ExternalType {
  return EXTERNAL_TYPES.some((one) => one === type);
}

export const FIT_FORMAT = 1;
/** As JSON, so that it fits into one NATS message. */
export const FIT_BYTES_MAX = 768 * 1024;
const LOSSES_MAX = 20_000;
const IMPORTANCES_MAX = 4_096;
const MESSAGE_LENGTH_MAX = 4_000;

/** Which fit of which job: `<job_id>.<fit_id>` begins the keys of its documents and the names of its objects. */
export interface FitName {
  readonly jobId: string;
  readonly fitId: string;
}

/** Names of .npy files in the object store: features [rows, columns] float32 with NaN for missing, targets and weights [rows] float64. */
export interface FitObjects {
  readonly features: string;
  readonly targets: string;
  readonly weights?: string;
}

/** The message in the work queue. */
export interface FitTask {
  readonly format: typeof FIT_FORMAT;
  readonly fit_id: string;
  readonly job_id: string;
  readonly model_name: string;
  readonly model_type: ExternalType;
  /** Targets are class indexes from 0, or values. */
  readonly task: TrainingTask;
  /** In the order of the features; `categories`: how many codes 0, 1, … a category has. */
  readonly columns: readonly { readonly name: string; readonly categories?: number }[];
  /** As the specification has them. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly rows: { readonly training: number; readonly validation: number };
  readonly objects: { readonly training: FitObjects; readonly validation?: FitObjects };
  /** UTC. Nobody waits for an answer after it. */
  readonly deadline: string;
}

/** What is wanted of a fit. Without the document: nothing. */
export type FitOrder = "model" | "stop" | "nothing";

/** A loss that is no number has none in JSON. */
const losses = z
  .array(z.number().nullable())
  .max(LOSSES_MAX)
  .transform((values) => values.map((value) => value ?? Number.NaN));

/** Written when a fit is taken, and at least every ten seconds while it goes on. */
export const fitProgress = z.object({
  state: z.literal("running"),
  /** What the trainer calls itself. */
  trainer: z.string().min(1).max(256),
  /** The trainer's own clock: the engine looks only whether it changes. */
  updated_at: z.string().max(64),
  iterations_max: z.int().min(1),
  /** Of all iterations so far, from the first on; those that the trainer minimises, means per row. */
  training_losses: losses.default([]),
  /** Of the same iterations, on the validation rows. */
  validation_losses: losses.default([]),
});
export type FitProgress = z.infer<typeof fitProgress>;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in lower-case hex");

export const fitAnswer = z.discriminatedUnion("state", [
  z.object({
    state: z.literal("done"),
    /** Of the ONNX file, stored as `<job_id>.<fit_id>.<sha256>`. */
    sha256,
    /** Of the [rows, columns] float32 tensor. */
    input_tensor: z.string().min(1).max(256),
    output: z.object({ name: z.string().min(1).max(256), type: z.enum(["probabilities", "value"]) }),
    /** That the model holds. */
    iterations: z.int().min(1),
    /** One a column, none negative; the engine makes them sum to 1. */
    importances: z.array(z.number().min(0)).max(IMPORTANCES_MAX).optional(),
  }),
  z.object({ state: z.literal("failed"), message: z.string().max(MESSAGE_LENGTH_MAX) }),
]);
export type FitAnswer = z.infer<typeof fitAnswer>;
