/**
 * The manifest of a model version: what `model.json` in a model folder must say, and its type.
 *
 * A manifest is checked once, when it enters (push, or load from the registry); everything behind that
 * trusts its type. Invariant: names are safe as a NATS subject token, a KV key and a ClickHouse identifier.
 */
import { z } from "zod";
import { EngineError } from "./errors.ts";

/** Model names are subject tokens and file names: no dot, star, angle bracket, slash or space. */
export const MODEL_NAME = /^[a-z][a-z0-9_-]{0,62}$/;
/** Semantic version 2.0.0 without build metadata (KV keys do not allow `+`). */
export const MODEL_VERSION =
  /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;
/** Feature names become view columns and JSON keys. */
const FEATURE_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/;
const RESERVED_FEATURES = new Set(Object.getOwnPropertyNames(Object.prototype));

/** The largest finite float32. */
export const FLOAT32_MAX = 3.4028234663852886e38;
/** Up to here float32 holds every integer. */
const SAFE_INTEGER_MAX = 2 ** 24;
const NOT_EXACT =
  "must be exactly representable as float32, as every integer up to 16777216 is; use float for large numbers";

const FEATURES_MAX = 4096;
const CATEGORIES_MAX = 10_000;
const CLASSES_MAX = 1000;

/** A name that JSON keys, view columns and JavaScript objects can bear. */
export const featureName = z
  .string()
  .regex(FEATURE_NAME, "a letter, then letters, digits, _ . - (at most 128)")
  .refine(
    (name) => !RESERVED_FEATURES.has(name),
    "is a reserved word of JavaScript objects: choose another name",
  );

const describedFeature = { name: featureName, description: z.string().max(1000).optional() };

const numberInput = z.strictObject({
  ...describedFeature,
  type: z.enum(["float", "int"]),
  /** Lowest value allowed, inclusive. */
  min: z.number().optional(),
  /** Highest value allowed, inclusive. */
  max: z.number().optional(),
  default: z.number().optional(),
  example: z.number().optional(),
});
const boolInput = z.strictObject({
  ...describedFeature,
  type: z.literal("bool"),
  default: z.boolean().optional(),
  example: z.boolean().optional(),
});
const categoryInput = z.strictObject({
  ...describedFeature,
  type: z.literal("category"),
  /** Allowed values. The model sees the index of the value in this list, or the string itself (see input_tensor). */
  categories: z.array(z.string().min(1).max(256)).min(1).max(CATEGORIES_MAX),
  default: z.string().optional(),
  example: z.string().optional(),
});

const modelInput = z.discriminatedUnion("type", [numberInput, boolInput, categoryInput]);

const modelOutput = z.strictObject({
  /** Name of the model's output tensor. */
  name: z.string().min(1).max(256),
  /**
   * probabilities: [rows, classes], each row summing to 1. probability: [rows] or [rows, 1], of the last of two
   * classes. value: [rows] or [rows, 1], the prediction itself.
   */
  type: z.enum(["probabilities", "probability", "value"]),
});

export const modelManifest = z
  .strictObject({
    name: z
      .string()
      .regex(MODEL_NAME, "a lower-case letter, then lower-case letters, digits, _ or - (at most 63)"),
    version: z.string().regex(MODEL_VERSION, "a semantic version such as 1.0.0"),
    description: z.string().max(4000).optional(),
    runtime: z.enum(["onnx", "tfjs"]),
    /** Features in the order in which the model takes them. */
    inputs: z.array(modelInput).min(1).max(FEATURES_MAX),
    /**
     * Name of the one [rows, features] float32 tensor that takes all inputs, categories as their index. Without it
     * the model takes one [rows, 1] tensor per input, of the input's name: float32, int64, bool or string.
     */
    input_tensor: z.string().min(1).max(256).optional(),
    /** The tensor that predictions are read from: exactly one. */
    outputs: z.array(modelOutput).length(1),
    /** Labels of a classifier in the order of its probabilities; absent for a regression. */
    classes: z.array(z.string().min(1).max(256)).min(2).max(CLASSES_MAX).optional(),
    /** Two classes: predict the last one when its probability is at least this. */
    threshold: z.number().min(0).max(1).optional(),
  })
  .superRefine(checkAgreement);

export type ModelManifest = z.infer<typeof modelManifest>;
export type ModelInput = z.infer<typeof modelInput>;

type Issue = (path: (string | number)[], message: string) => void;

function checkAgreement(manifest: ModelManifest, context: z.RefinementCtx): void {
  const issue: Issue = (path, message) => context.addIssue({ code: "custom", path, message });
  const seen = new Set<string>();
  manifest.inputs.forEach((input, index) => {
    if (seen.has(input.name)) issue(["inputs", index, "name"], `"${input.name}" is used twice`);
    seen.add(input.name);
    checkInput(input, index, issue);
  });
  checkClasses(manifest, issue);
}

function checkInput(input: ModelInput, index: number, issue: Issue): void {
  for (const field of ["default", "example"] as const) {
    const value = input[field];
    if (value === undefined) continue;
    const problem = problemWith(input, value);
    if (problem !== undefined) issue(["inputs", index, field], problem);
  }
  if (input.type === "int") {
    for (const field of ["min", "max"] as const) {
      const limit = input[field];
      if (limit !== undefined && Math.abs(limit) > SAFE_INTEGER_MAX && Math.fround(limit) !== limit)
        issue(["inputs", index, field], NOT_EXACT);
    }
  }
  if (input.type === "category" && new Set(input.categories).size !== input.categories.length) {
    issue(["inputs", index, "categories"], "a category is listed twice");
  }
  if (
    (input.type === "float" || input.type === "int") &&
    (input.min ?? -Infinity) > (input.max ?? Infinity)
  ) {
    issue(["inputs", index, "min"], "is greater than max");
  }
}

function checkClasses(manifest: ModelManifest, issue: Issue): void {
  const output = manifest.outputs[0];
  if (output === undefined) return;
  const classes = manifest.classes?.length ?? 0;
  if (new Set(manifest.classes).size !== classes) issue(["classes"], "a class is listed twice");
  if (output.type === "value" && classes > 0)
    issue(["classes"], 'not allowed with an output of type "value"');
  if (output.type === "probabilities" && classes === 0)
    issue(["classes"], "required: one label per probability");
  if (output.type === "probability" && classes !== 2) issue(["classes"], "required: exactly two labels");
  if (manifest.threshold !== undefined && classes !== 2)
    issue(["threshold"], "allowed with exactly two classes");
}

/** Why `value` is not allowed for `input`, or undefined if it is. Numbers must survive as float32. */
export function problemWith(input: ModelInput, value: unknown): string | undefined {
  switch (input.type) {
    case "float":
    case "int":
      if (typeof value !== "number") return `must be ${input.type === "int" ? "an integer" : "a number"}`;
      if (!(Math.abs(value) <= FLOAT32_MAX)) return "must be a finite float32 number";
      if (input.type === "int" && !Number.isInteger(value)) return "must be an integer";
      if (input.min !== undefined && value < input.min) return `must be at least ${input.min}`;
      if (input.max !== undefined && value > input.max) return `must be at most ${input.max}`;
      if (input.type === "int" && Math.fround(value) !== value) return NOT_EXACT;
      return undefined;
    case "bool":
      return typeof value === "boolean" ? undefined : "must be true or false";
    case "category":
      if (typeof value !== "string") return "must be a string";
      return input.categories.includes(value) ? undefined : `must be one of ${listed(input.categories)}`;
  }
}

function listed(categories: readonly string[]): string {
  const shown = categories.slice(0, 10).map((name) => JSON.stringify(name));
  const more = categories.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}

/**
 * Checks a parsed `model.json`.
 * @throws EngineError MODEL_INVALID with one detail per wrong field.
 */
export function parseManifest(json: unknown): ModelManifest {
  const result = modelManifest.safeParse(json);
  if (result.success) return result.data;
  const details = result.error.issues.map((issue) => ({
    field: issue.path.join(".") || "model.json",
    message: issue.message,
  }));
  const first = details[0];
  throw new EngineError("MODEL_INVALID", `model.json: ${first?.field}: ${first?.message}`, { details });
}

/** Floats per row that the model gives back: one for a value or a probability, one per class for probabilities. */
export function outputWidth(manifest: ModelManifest): number {
  return manifest.outputs[0]?.type === "probabilities" ? (manifest.classes?.length ?? 1) : 1;
}

/** `name@version`, the key of a model version in logs, workers and metrics. */
export function modelKey(model: { readonly name: string; readonly version: string }): string {
  return `${model.name}@${model.version}`;
}
