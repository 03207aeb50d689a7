/**
 * Where a trained model comes from: enough to make the same bytes again, and to see why it was made.
 *
 * The same data (fingerprint), validation, parameters, seed and code give the same model. Goes with the version into the registry.
 */
import { z } from "zod";
import { featureName, MODEL_NAME, MODEL_VERSION } from "./names.ts";
import { evidencePiece, RETRAIN_CAUSES, utcTime } from "./retrain-request.ts";
import { trainingValidation } from "./training-validation.ts";

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "a SHA-256 in hex");
/** Up to which message of which stream a table was read. */
const tablePosition = z.strictObject({ epoch: count, seq: count });

/**
 * Columns that put rows into groups: that of the entity, else all that tell rows apart (engine/train/data/column-table). Two splits by hash keep
 * the same rows only where these are the same.
 */
const groupedBy = z.array(z.string()).min(1).readonly();

/** What the rows were read from, so that they can be read again. */
export const trainingSource = z.discriminatedUnion("source", [
  z.strictObject({
    source: z.literal("labelled"),
    model_name: z.string().regex(MODEL_NAME),
    versions: z.array(z.string().regex(MODEL_VERSION)).min(1),
    from: utcTime,
    to: utcTime,
    as_of: utcTime,
    positions: z.strictObject({ labels: tablePosition, predictions: tablePosition }),
    /** Of the period: predictions, and those of them that have a label. */
    predictions: count,
    labelled: count,
  }),
  z.strictObject({
    source: z.literal("query"),
    sql: z.string().min(1),
    /** When it was asked: the tables may have changed since, which the fingerprint tells. */
    asked_at: utcTime,
    total_rows: count,
    grouped_by: groupedBy,
  }),
  z.strictObject({
    source: z.literal("file"),
    name: z.string().min(1).max(256),
    total_rows: count,
    grouped_by: groupedBy,
  }),
]);

export const trainingLineage = z.strictObject({
  format: z.literal(1),
  data: z.strictObject({
    /** SHA-256 of the rows (engine/train/data/fingerprint). */
    fingerprint: sha256,
    /** Rows that were taken, of all parts. */
    rows: count,
    /** Rows of each part. */
    parts: z.strictObject({ training: count, validation: count, test: count }),
    inputs: z.array(featureName).min(1),
    source: trainingSource,
    /** Time of the newest row that was learned from or stopped the training, by this version or those it goes on from, where rows have times. */
    trained_until: utcTime.optional(),
  }),
  validation: trainingValidation,
  /** What asked for the training; absent for one that was started by hand. */
  trigger: z
    .strictObject({
      job_id: z.uuid(),
      cause: z.enum(RETRAIN_CAUSES),
      evidence: z.array(evidencePiece),
    })
    .optional(),
  /** Feature sets that fill inputs of the model. */
  feature_sets: z.array(
    z.strictObject({ set: z.string().regex(MODEL_NAME), version: z.string().regex(MODEL_VERSION) }),
  ),
  /** Version of the engine that trained. */
  code_version: z.string().min(1).max(128),
  /** An integer of 32 bits. */
  seed: z.int(),
  /** The version that this one follows, or goes on from; absent for the first one. */
  parent: z
    .strictObject({ version: z.string().regex(MODEL_VERSION), digest: z.string().min(1).max(256) })
    .optional(),
});

export type TrainingSource = z.infer<typeof trainingSource>;
export type TrainingLineage = z.infer<typeof trainingLineage>;
