/**
 * Prediction requests and their answers. What is sent is read by hand on the hot path (parseHead); a test holds these schemas
 * against that parser.
 */
import { z } from "zod";
import { ERRORS, type ErrorCode } from "../core/errors.ts";
import { FEATURES_MAX } from "../core/preprocessing.ts";
import { errorAnswer } from "./error-answer.ts";
import { time } from "./texts.ts";

const ID_LENGTH_MAX = 128;
const TIMEOUT_MS_MAX = 600_000;
const ENTITIES_MAX = 16;

/** The parser counts as JavaScript does, `max` counts code points. */
const id = z
  .string()
  .max(ID_LENGTH_MAX)
  .refine(({ length }) => length <= ID_LENGTH_MAX, `at most ${ID_LENGTH_MAX} UTF-16 code units`);
const features = z
  .record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()]))
  .describe("values by name: see GET /model/schema");

const routed = {
  model: id.nullish().describe("the only one in production unless it is named"),
  version: id.nullish().describe("a version or an alias; production unless it is named"),
  timeout_ms: z.number().gt(0).max(TIMEOUT_MS_MAX).nullish(),
  explain: z
    .union([z.boolean(), z.int().min(1).max(FEATURES_MAX)])
    .nullish()
    .describe("whether the answer tells what contributed most, or how many features it tells of"),
};
const row = {
  request_id: id.nullish(),
  entity_id: id.nullish(),
  entities: z
    .record(z.string(), id.nullable())
    .refine((ids) => Object.keys(ids).length <= ENTITIES_MAX, `at most ${ENTITIES_MAX} entities`)
    .meta({ maxProperties: ENTITIES_MAX })
    .nullish()
    .describe("ids by entity key, of models that take features of several entities"),
  features,
};

export const predictRequest = z.strictObject({ ...routed, ...row }).meta({ id: "PredictRequest" });
export type PredictRequest = z.infer<typeof predictRequest>;

export const batchInstance = z
  .strictObject({
    ...row,
    model: id.nullish().describe("that of the request, or none"),
    version: id.nullish().describe("that of the request, or none"),
    timeout_ms: routed.timeout_ms,
    explain: z.literal(false).nullish(),
  })
  .meta({ id: "BatchInstance" });
const ofRows = z.null().optional().describe("none: each instance has its own");
export const batchRequest = z
  .strictObject({
    ...routed,
    request_id: ofRows,
    entity_id: ofRows,
    entities: ofRows,
    instances: z.array(batchInstance).min(1),
  })
  .meta({ id: "BatchRequest" });
export type BatchRequest = z.infer<typeof batchRequest>;

const explanation = {
  top_features: z
    .array(
      z.strictObject({
        name: z.string(),
        value: z.union([z.string(), z.number(), z.boolean(), z.null()]),
        contribution: z.number(),
      }),
    )
    .optional()
    .describe("those that contribute most, first"),
  base_value: z.number().optional().describe("what is predicted if no feature is known"),
  contribution_unit: z.enum(["margin", "probability", "value"]).optional(),
  explanation_error: z
    .strictObject({ code: z.enum(Object.keys(ERRORS) as [ErrorCode]), message: z.string() })
    .optional()
    .describe("why there is no explanation; the prediction is as good as any"),
};

export const prediction = z
  .strictObject({
    prediction_id: z.guid(),
    request_id: z.string(),
    model_name: z.string(),
    model_version: z.string(),
    variant: z.string().optional().describe("canary, of a version that is tried; none for the champion"),
    entity_id: z.string().optional(),
    predicted_value: z
      .number()
      .describe("the value; of two classes the probability of the last one; of more the highest probability"),
    predicted_class: z.string().optional(),
    probabilities: z.array(z.number()).optional().describe("in the order of the model's classes"),
    confidence: z.number().optional().describe("probability of the predicted class"),
    feature_status: z
      .record(z.string(), z.enum(["missing", "stale", "invalid", "unavailable"]))
      .optional()
      .describe("features whose default was served, and why"),
    ...explanation,
    latency_ms: z.number(),
    prediction_date: time,
  })
  .meta({ id: "Prediction" });
export type Prediction = z.infer<typeof prediction>;

export const batchAnswer = z.strictObject({ predictions: z.array(z.union([prediction, errorAnswer])) }).meta({
  id: "BatchAnswer",
  description: "One result per instance, in order: a prediction, or its own error.",
});
export type BatchAnswer = z.infer<typeof batchAnswer>;
