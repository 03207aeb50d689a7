/**
 * One input of a model as `model.json` describes it, and which values it takes.
 *
 * Invariant: names are safe as a JSON key and a ClickHouse identifier. Bounds: FEATURES_MAX inputs, CATEGORIES_MAX
 * categories, TEXTS_LENGTH_MAX characters in all texts of a row, so that a row fits into a log block. Types text and timestamp need preprocessing: a
 * tensor holds neither. So does nullable, unless the model takes NaN (allow_nan of the manifest).
 */
import { z } from "zod";
import { featureName, MODEL_NAME, MODEL_VERSION } from "./names.ts";
import { CATEGORIES_MAX, CATEGORY_LENGTH_MAX } from "./preprocessing.ts";
import { parseTimestamp, TIMESTAMP_FORM } from "./timestamp.ts";

const TEXTS_LENGTH_MAX = 131_072;
const TEXT_LENGTH_DEFAULT = 1024;

/** The largest finite float32. */
export const FLOAT32_MAX = 3.4028234663852886e38;
/** Up to here float32 holds every integer. */
const SAFE_INTEGER_MAX = 2 ** 24;
const NOT_EXACT =
  "must be exactly representable as float32, as every integer up to 16777216 is; use float for large numbers";

/** The feature of a feature set that fills an input which the request leaves open. */
const featureReference = z.strictObject({
  set: z.string().regex(MODEL_NAME, "the name of a feature set"),
  version: z.string().regex(MODEL_VERSION, "a semantic version such as 1.0.0"),
  /** The input's own name if absent. */
  name: featureName.optional(),
});

const describedFeature = {
  name: featureName,
  description: z.string().max(1000).optional(),
  feature: featureReference.optional(),
};
/** Whether the value may be missing: null or left out. Preprocessing then fills it in or encodes it. */
const nullable = z.boolean().optional();

const numberInput = z.strictObject({
  ...describedFeature,
  type: z.enum(["float", "int"]),
  /** Lowest value allowed, inclusive. */
  min: z.number().optional(),
  /** Highest value allowed, inclusive. */
  max: z.number().optional(),
  nullable,
  default: z.number().optional(),
  example: z.number().optional(),
});
const boolInput = z.strictObject({
  ...describedFeature,
  type: z.literal("bool"),
  nullable,
  default: z.boolean().optional(),
  example: z.boolean().optional(),
});
const categoryInput = z.strictObject({
  ...describedFeature,
  type: z.literal("category"),
  /** Allowed values. The model sees the index of the value in this list, or the string itself (see input_tensor). */
  categories: z.array(z.string().min(1).max(CATEGORY_LENGTH_MAX)).min(1).max(CATEGORIES_MAX),
  nullable,
  default: z.string().optional(),
  example: z.string().optional(),
});
/** Any text: words, or a category whose values are not known beforehand. An empty one counts as missing. */
const textInput = z.strictObject({
  ...describedFeature,
  type: z.literal("text"),
  /** Characters (UTF-16 code units), at most. */
  max_length: z.number().int().min(1).max(TEXTS_LENGTH_MAX).optional(),
  nullable,
  default: z.string().optional(),
  example: z.string().optional(),
});
const timestampInput = z.strictObject({
  ...describedFeature,
  type: z.literal("timestamp"),
  nullable,
  default: z.union([z.string(), z.number()]).optional(),
  example: z.union([z.string(), z.number()]).optional(),
});

export const modelInput = z
  .discriminatedUnion("type", [numberInput, boolInput, categoryInput, textInput, timestampInput])
  .meta({ id: "ModelInput" });
export type ModelInput = z.infer<typeof modelInput>;

/** Whether the raw value is kept as a string beside the row's floats: it does not fit into one. */
export function isKeptAsText(input: Pick<ModelInput, "type">): boolean {
  return input.type === "text" || input.type === "timestamp";
}

/** Whether a request may leave the input out. */
export function isOptional(input: ModelInput): boolean {
  return input.default !== undefined || input.nullable === true || input.feature !== undefined;
}

/** Length of the longest text that the input takes, in UTF-16 code units. */
export function maxLengthOf(input: Extract<ModelInput, { type: "text" }>): number {
  return input.max_length ?? TEXT_LENGTH_DEFAULT;
}

/** Why the texts of a row could be too long together, or undefined if they could not. */
export function problemWithTexts(inputs: readonly ModelInput[]): string | undefined {
  const length = inputs.reduce((sum, input) => sum + (input.type === "text" ? maxLengthOf(input) : 0), 0);
  if (length <= TEXTS_LENGTH_MAX) return undefined;
  return `texts may have ${length} characters together, more than ${TEXTS_LENGTH_MAX}: set max_length to what is needed`;
}

/** Why `value` is not allowed for `input`, or undefined if it is. Numbers must survive as float32. */
export function problemWith(input: ModelInput, value: unknown): string | undefined {
  switch (input.type) {
    case "float":
    case "int":
      return problemWithNumber(input, value);
    case "bool":
      return typeof value === "boolean" ? undefined : "must be true or false";
    case "category":
      if (typeof value !== "string") return "must be a string";
      return input.categories.includes(value) ? undefined : `must be one of ${listed(input.categories)}`;
    case "text":
      if (typeof value !== "string") return "must be a string";
      return value.length <= maxLengthOf(input)
        ? undefined
        : `must have at most ${maxLengthOf(input)} characters`;
    case "timestamp":
      return Number.isNaN(parseTimestamp(value)) ? `must be ${TIMESTAMP_FORM}` : undefined;
  }
}

function problemWithNumber(
  input: Extract<ModelInput, { type: "float" | "int" }>,
  value: unknown,
): string | undefined {
  if (typeof value !== "number") return `must be ${input.type === "int" ? "an integer" : "a number"}`;
  if (!(Math.abs(value) <= FLOAT32_MAX)) return "must be a finite float32 number";
  if (input.type === "int" && !Number.isInteger(value)) return "must be an integer";
  if (input.min !== undefined && value < input.min) return `must be at least ${input.min}`;
  if (input.max !== undefined && value > input.max) return `must be at most ${input.max}`;
  if (input.type === "int" && Math.fround(value) !== value) return NOT_EXACT;
  return undefined;
}

function listed(categories: readonly string[]): string {
  const shown = categories.slice(0, 10).map((name) => JSON.stringify(name));
  const more = categories.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}

/** Calls `issue` for every disagreement within the input. `field` of the input is the first part of the path. */
export function checkInput(input: ModelInput, issue: (field: string, message: string) => void): void {
  for (const field of ["default", "example"] as const) {
    const value = input[field];
    if (value === undefined) continue;
    const problem = problemWith(input, value);
    if (problem !== undefined) issue(field, problem);
  }
  if (input.nullable === true && input.default !== undefined)
    issue("nullable", "a default fills in what is missing: leave one of the two out");
  if (input.type === "int") {
    for (const field of ["min", "max"] as const) {
      const limit = input[field];
      if (limit !== undefined && Math.abs(limit) > SAFE_INTEGER_MAX && Math.fround(limit) !== limit)
        issue(field, NOT_EXACT);
    }
  }
  if (input.type === "category" && new Set(input.categories).size !== input.categories.length)
    issue("categories", "a category is listed twice");
  if ((input.type === "float" || input.type === "int") && (input.min ?? -Infinity) > (input.max ?? Infinity))
    issue("min", "is greater than max");
}
