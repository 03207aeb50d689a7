/**
 * What the reference of a model version was made from.
 */
import { z } from "zod";

const count = z.number().int().min(0);
const counts = {
  rows: count,
  /** Rows with a label: metrics and estimator are of these. */
  labelled_rows: count,
  /** Rows that there were, where `rows` of them were drawn. */
  sampled_from: count.optional(),
};

export const referenceSource = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("file"), name: z.string().min(1).max(256), ...counts }),
  z.strictObject({ kind: z.literal("upload"), ...counts }),
  /** Rows that a training job kept apart from what the version learned. */
  z.strictObject({ kind: z.literal("training"), job_id: z.uuid(), ...counts }),
  /** Predictions of prediction_date in [from, to). */
  z.strictObject({
    kind: z.literal("window"),
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    ...counts,
  }),
]);

export type ReferenceSource = z.infer<typeof referenceSource>;
