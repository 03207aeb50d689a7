/**
 * Labels as they are sent, and what is answered of them: that they were taken, and how many there are.
 */
import { z } from "zod";
import { labelBody } from "../core/label.ts";
import { MODEL_NAME } from "../core/names.ts";
import { wholeNumber } from "./query-texts.ts";
import { count, name, share, time } from "./texts.ts";

export const labelsAnswer = z.strictObject({ model_name: name, accepted: count }).meta({ id: "LabelsTaken" });
export type LabelsAnswer = z.infer<typeof labelsAnswer>;

export const labelCountsAnswer = z
  .strictObject({
    model_name: name,
    from: time,
    to: time,
    predictions: count,
    labelled_predictions: count,
    labels: z.strictObject({ arrived: count, matched: count, unmatched: z.int() }),
    latest_arrival: time.nullable(),
    delay_seconds: z
      .record(z.string(), z.number())
      .nullable()
      .describe("from prediction to label: quantiles by their share, such as 0.5"),
    maturity: z
      .array(z.strictObject({ after_hours: z.number(), predictions: count, share: share.nullable() }))
      .describe("what share of predictions of an age had a label by then"),
    hours: z.array(z.strictObject({ hour: time, predictions: count, labelled: count, labels: count })),
  })
  .meta({ id: "LabelCounts" });
export type LabelCountsAnswer = z.infer<typeof labelCountsAnswer>;

export const labelsRequest = z.strictObject({
  model_name: z.string().regex(MODEL_NAME, "must be the name of a model"),
  labels: z.array(labelBody).min(1),
});
export type LabelsRequest = z.infer<typeof labelsRequest>;

const HOURS_MAX = 24 * 31;
export const labelCountsQuery = z.strictObject({ hours: wholeNumber(1, HOURS_MAX, 24 * 7) });
export type LabelCountsQuery = z.input<typeof labelCountsQuery>;
