/**
 * A label, the truth about a prediction: what the payload of `<prefix>.labels.<model>` must say, and each of `labels` in
 * POST /labels.
 *
 *     {"prediction_id": "…" | "request_id": "…" | "entity_id": "…", "time": "…", "label": 1 | "fraud" | true, "label_time"?, "label_id"?}
 *
 * `label` is a class's name, a value, or whether it is so. Of labels of one prediction the one that arrived last counts, so a
 * correction is sent as another label. `label_id` makes a label that is sent twice count once, whatever came between.
 */
import { z } from "zod";
import { EngineError } from "./errors.ts";
import { invalidBy } from "./schema-details.ts";
import { parseTimestamp, TIMESTAMP_FORM } from "./timestamp.ts";

const ID_LENGTH_MAX = 128;
/** As long as a class of a model may be. */
const CLASS_LENGTH_MAX = 256;
const KEYS = "give exactly one of prediction_id, request_id, and entity_id with time";

/** As `\P{Cc}` written so that every reader of JSON Schema knows it. */
const WITHOUT_CONTROLS = new RegExp(`^[^\\u0000-\\u001f\\u007f-\\u009f]{1,${ID_LENGTH_MAX}}$`, "u");

const id = z
  .string()
  .regex(WITHOUT_CONTROLS, `must have 1 to ${ID_LENGTH_MAX} characters, without control characters`);
const time = z
  .union([z.string(), z.number()])
  .refine((value) => !Number.isNaN(parseTimestamp(value)), `must be ${TIMESTAMP_FORM}`);

export const labelBody = z
  .strictObject({
    label_id: id.optional(),
    prediction_id: z.guid("must be a UUID").optional(),
    request_id: id.optional(),
    entity_id: id.optional(),
    /** The label is of the entity's latest prediction at or before this. */
    time: time.optional(),
    label: z.union([z.number(), z.string().min(1).max(CLASS_LENGTH_MAX), z.boolean()], {
      error: `must be a finite number, a class of 1 to ${CLASS_LENGTH_MAX} characters, or a boolean`,
    }),
    /** Since when it is true; when it arrived, by default. */
    label_time: time.optional(),
  })
  .superRefine(({ prediction_id, request_id, entity_id, time: at }, context) => {
    const given = [prediction_id, request_id, entity_id ?? at].filter((key) => key !== undefined);
    if (given.length !== 1) context.addIssue({ code: "custom", path: ["prediction_id"], message: KEYS });
    else if ((entity_id === undefined) !== (at === undefined))
      context.addIssue({
        code: "custom",
        path: [entity_id === undefined ? "entity_id" : "time"],
        message: "entity_id and time belong together",
      });
  });

export type LabelBody = z.infer<typeof labelBody>;

/** What a label is of; the other fields are empty, and `timeMs` 0. */
export interface LabelKey {
  /** 36 characters in lower case, or empty. */
  readonly predictionId: string;
  readonly requestId: string;
  readonly entityId: string;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
}

export interface Label extends LabelKey {
  /** Empty if the sender gave none. */
  readonly labelId: string;
  /** NaN for a class; booleans are 0 and 1. */
  readonly value: number;
  /** Empty for a number; booleans are true and false. */
  readonly className: string;
  /** Undefined if the sender did not say. */
  readonly labelMs: number | undefined;
}

/**
 * Reads the payload of one message.
 * @throws EngineError INVALID_JSON, INVALID_REQUEST with one detail per wrong field.
 */
export function parseLabel(data: Uint8Array): Label {
  let body: unknown;
  try {
    body = JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8"));
  } catch (error) {
    throw new EngineError("INVALID_JSON", `the label is not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
  return toLabel(checkLabel(body));
}

/** @throws EngineError INVALID_REQUEST with one detail per wrong field. */
export function checkLabel(body: unknown): LabelBody {
  const result = labelBody.safeParse(body);
  if (!result.success) throw invalidBy(result.error, "label");
  return result.data;
}

export function toLabel(body: LabelBody): Label {
  const { label, label_time: since, time: at } = body;
  return {
    labelId: body.label_id ?? "",
    predictionId: body.prediction_id?.toLowerCase() ?? "",
    requestId: body.request_id ?? "",
    entityId: body.entity_id ?? "",
    timeMs: at === undefined ? 0 : parseTimestamp(at),
    value: typeof label === "string" ? Number.NaN : Number(label),
    className: typeof label === "number" ? "" : String(label),
    labelMs: since === undefined ? undefined : parseTimestamp(since),
  };
}
