/**
 * The messages of `/ws`, both ways, as schemas: JSON objects in text frames, told apart by `type`.
 *
 *     client → engine    predict │ subscribe │ unsubscribe
 *     engine → client    hello, then prediction │ error │ subscribed │ unsubscribed │ observed │ event │ dropped
 *
 * Every message of the client has an `id` of its choosing, and exactly one answer that bears it: prediction, subscribed, unsubscribed or
 * error. What a subscription brings later bears the id of its `subscribe`. An error of a message whose id could not be read has
 * the id null. What stands beside `type` and `id` in `predict` is the body of POST /predict and is checked by parseHead.
 */
import { z } from "zod";
import { ERRORS, type ErrorCode } from "../core/errors.ts";
import { MODEL_NAME } from "../core/names.ts";
import type { Prediction } from "../core/prediction.ts";
import { FEATURES_MAX } from "../core/preprocessing.ts";
import { ID_LENGTH_MAX, TIMEOUT_MS_MAX } from "../predict.ts";

export const EVENT_KINDS_MAX = 32;
const EVENT_KIND = /^[a-z][a-z0-9_]{0,63}$/;

export const messageId = z
  .string("must be a string of your choosing; the answer bears it")
  .min(1, "must not be empty")
  .max(ID_LENGTH_MAX, `must have at most ${ID_LENGTH_MAX} characters`);

const shortText = z.string().max(ID_LENGTH_MAX);

export const predictMessage = z.strictObject({
  type: z.literal("predict"),
  id: messageId,
  model: shortText.nullish(),
  version: shortText.nullish(),
  request_id: shortText.nullish(),
  entity_id: shortText.nullish(),
  entities: z.record(z.string(), shortText).nullish(),
  timeout_ms: z.number().gt(0).max(TIMEOUT_MS_MAX).nullish(),
  explain: z.union([z.boolean(), z.int().min(1).max(FEATURES_MAX)]).nullish(),
  features: z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()])).optional(),
});

export const subscribeMessage = z
  .strictObject({
    type: z.literal("subscribe"),
    id: messageId,
    model: z.string("must be the name of a model").regex(MODEL_NAME, "must be the name of a model"),
    /** Every prediction of the model, by any engine and through any entrance. */
    predictions: z.boolean("must be true or false").default(false),
    /** Kinds such as drift_detected; true: all that are about the model. */
    events: z
      .union(
        [
          z.boolean(),
          z
            .array(z.string().regex(EVENT_KIND, "must be a kind of event such as drift_detected"))
            .min(1)
            .max(EVENT_KINDS_MAX),
        ],
        `must be true, or a list of 1 to ${EVENT_KINDS_MAX} kinds such as "drift_detected"`,
      )
      .default(false),
  })
  .refine(({ predictions, events }) => predictions || events !== false, {
    path: ["predictions"],
    message: "set predictions to true, or events to true or a list of kinds: this subscribes to nothing",
  });

export const unsubscribeMessage = z.strictObject({ type: z.literal("unsubscribe"), id: messageId });

export type PredictMessage = Readonly<z.input<typeof predictMessage>>;
export type SubscribeMessage = Readonly<z.input<typeof subscribeMessage>>;
export type UnsubscribeMessage = Readonly<z.input<typeof unsubscribeMessage>>;
export type ClientMessage = PredictMessage | SubscribeMessage | UnsubscribeMessage;

const prediction = z.custom<Prediction>((value) => typeof value === "object" && value !== null);
const errorBody = z.strictObject({
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  details: z.array(z.strictObject({ field: z.string(), message: z.string() })),
});

export const serverMessage = z.discriminatedUnion("type", [
  /** The first message: what the connection may hold. */
  z.strictObject({
    type: z.literal("hello"),
    version: z.string(),
    /** Predictions asked for and not yet answered; one more is answered QUEUE_FULL. */
    in_flight_max: z.int(),
    message_bytes_max: z.int(),
    subscriptions_max: z.int(),
  }),
  /** With the fields of a prediction beside. */
  z.looseObject({ type: z.literal("prediction"), id: messageId, prediction_id: z.string() }),
  z.strictObject({ type: z.literal("error"), id: messageId.nullable(), error: errorBody }),
  z.strictObject({ type: z.literal("subscribed"), id: messageId }),
  z.strictObject({ type: z.literal("unsubscribed"), id: messageId }),
  /** A prediction that is in the log; without `confidence` and explanation, which the log does not have. */
  z.strictObject({ type: z.literal("observed"), id: messageId, prediction }),
  z.strictObject({ type: z.literal("event"), id: messageId, kind: z.string(), event: z.unknown() }),
  /** So many messages of the subscription were left out, since the client did not keep up. */
  z.strictObject({ type: z.literal("dropped"), id: messageId, count: z.int() }),
]);

export type ServerMessage = Readonly<z.infer<typeof serverMessage>>;
