/**
 * The definition of a feature set: what `feature-set.json` must say, and its type.
 *
 * A set names an entity type and the features of such entities, of four kinds: `request` (the caller sends it), `online`
 * (the last value of a field of the entity's events), `window` (an aggregation over the entity's events of the last
 * minutes to days) and `derived` (a named function of other features of the set). Checked once, when it is applied.
 */
import { z } from "zod";
import { derivedFunction, derivedProblem, givesIntegers } from "./derived-function.ts";
import { durationMs, durationText } from "./duration.ts";
import { EngineError } from "./errors.ts";
import { MODEL_NAME, MODEL_VERSION, featureName as name } from "./names.ts";
import { TILES_MAX, tilesOf } from "./window-tiles.ts";

export const WINDOW_MAX = "90d";
export const LATENESS_MAX = "7d";
const FEATURES_MAX = 500;
const CATEGORIES_MAX = 10_000;
const FILTER_VALUES_MAX = 100;

const scalar = z.union([z.number(), z.string().max(256), z.boolean()]);

export const AGGREGATIONS = [
  "count",
  "sum",
  "mean",
  "min",
  "max",
  "stddev",
  "distinct_count",
  "first",
  "last",
] as const;

const described = {
  name,
  description: z.string().max(1000).optional(),
  owner: z.string().max(256).optional(),
  type: z.enum(["float", "int", "bool", "category", "timestamp"]).default("float"),
  /** Served when there is no value. Without it the model's input must have one, or the row fails. */
  default: scalar.optional(),
  /** Range of a number, inclusive. */
  min: z.number().optional(),
  max: z.number().optional(),
  categories: z.array(z.string().min(1).max(256)).min(1).max(CATEGORIES_MAX).optional(),
  /** Share of events without a value, over the hours that are asked for, above which statistics report a problem. */
  null_rate_max: z.number().min(0).max(1).optional(),
};

const requestFeature = z.strictObject({ ...described, kind: z.literal("request") });

const onlineFeature = z.strictObject({
  ...described,
  kind: z.literal("online"),
  /** Field of the event that holds the value; the feature's own name if absent. */
  field: name.optional(),
  /** Age by event time from which the value is stale and the default is served. */
  ttl: durationText("1s", "365d").default("90d"),
});

const windowFeature = z.strictObject({
  ...described,
  kind: z.literal("window"),
  aggregation: z.enum(AGGREGATIONS),
  /** Field of the event that is aggregated; not for count, which counts events. */
  field: name.optional(),
  window: durationText("10s", WINDOW_MAX),
  /**
   * sliding: the last `window`, whose start moves on by `hop`: at any moment it covers from `window` to `window + hop`.
   * tumbling: from the last multiple of `window` since 1970 (UTC) until now.
   */
  windowing: z.enum(["sliding", "tumbling"]).default("sliding"),
  /** Step of a sliding window's start; the default is a round step of about a thirtieth of the window. */
  hop: durationText("1s", WINDOW_MAX).optional(),
  /** Only events whose field equals the value, or one of the values, count. */
  filter: z.strictObject({ field: name, in: z.array(scalar).min(1).max(FILTER_VALUES_MAX) }).optional(),
  /** Decimal places that sums are kept to, exactly. */
  decimals: z.int().min(0).max(9).default(6),
});

const derivedFeature = z.strictObject({
  ...described,
  kind: z.literal("derived"),
  /** A named function of other features of this set, see derived-function. */
  ...derivedFunction,
});

export const feature = z.discriminatedUnion("kind", [
  requestFeature,
  onlineFeature,
  windowFeature,
  derivedFeature,
]);

export const featureSet = z
  .strictObject({
    name: z
      .string()
      .regex(MODEL_NAME, "a lower-case letter, then lower-case letters, digits, _ or - (at most 63)"),
    version: z.string().regex(MODEL_VERSION, "a semantic version such as 1.0.0"),
    description: z.string().max(4000).optional(),
    owner: z.string().max(256).optional(),
    entity: z.strictObject({
      /** Last token of the subject that carries the entity's events. */
      type: z
        .string()
        .regex(MODEL_NAME, "a lower-case letter, then lower-case letters, digits, _ or - (at most 63)"),
      /** Name of the id in requests, such as account_id. */
      key: name,
      description: z.string().max(1000).optional(),
    }),
    /** How much later than its event time an event may arrive and still correct the windows. */
    lateness: durationText("1s", LATENESS_MAX).default("1h"),
    features: z.array(feature).min(1).max(FEATURES_MAX),
  })
  .superRefine(checkAgreement);

export type FeatureSet = z.infer<typeof featureSet>;
export type Feature = z.infer<typeof feature>;
export type OnlineFeature = z.infer<typeof onlineFeature>;
export type WindowFeature = z.infer<typeof windowFeature>;
export type DerivedFeature = z.infer<typeof derivedFeature>;
export type Scalar = z.infer<typeof scalar>;

type Issue = (path: (string | number)[], message: string) => void;

function checkAgreement(set: FeatureSet, context: z.RefinementCtx): void {
  const issue: Issue = (path, message) => context.addIssue({ code: "custom", path, message });
  const earlier = new Map<string, Feature>();
  set.features.forEach((one, index) => {
    const at = (field: string, message: string): void => issue(["features", index, field], message);
    if (earlier.has(one.name)) at("name", `"${one.name}" is used twice`);
    if (one.kind === "derived") checkDerived(one, earlier, at);
    if (one.kind === "window") checkWindow(one, at);
    checkValues(one, at);
    earlier.set(one.name, one);
  });
}

type FieldIssue = (field: string, message: string) => void;

function checkDerived(one: DerivedFeature, earlier: ReadonlyMap<string, Feature>, issue: FieldIssue): void {
  for (const name of one.inputs) {
    const input = earlier.get(name);
    if (input === undefined) issue("inputs", `"${name}" is no feature further up in this set`);
    else if (input.type === "category")
      issue("inputs", `"${name}" is a category, and functions take numbers`);
  }
  const problem = derivedProblem(one);
  if (problem !== undefined) issue(problem[0], problem[1]);
  const inputs = one.inputs.every((name) => earlier.get(name)?.type !== "float") ? "integers" : "numbers";
  if (one.type !== "float" && !(one.type === "int" && givesIntegers(one.function, inputs)))
    issue("type", `${one.function} of these inputs gives a float`);
}

function checkWindow(one: WindowFeature, issue: FieldIssue): void {
  const { aggregation } = one;
  if (aggregation === "count" && one.field !== undefined) issue("field", "not allowed with count");
  if (aggregation !== "count" && one.field === undefined)
    issue("field", `required by ${aggregation}: the field of the event to aggregate`);
  if (one.type === "category" || one.type === "bool")
    issue("type", "an aggregation is a number: use an online feature for a text or a bool");
  if (one.type === "int" && (aggregation === "mean" || aggregation === "stddev"))
    issue("type", `${aggregation} gives a float`);
  if (one.type === "int" && aggregation === "sum" && one.decimals > 0)
    issue("type", 'a sum of decimals is a float: add "decimals": 0 for sums of integers');
  if (durationMs(one.window) === undefined) return; // said already
  if (one.windowing === "tumbling" && one.hop !== undefined)
    issue("hop", "not allowed with a tumbling window");
  else if (tilesOf(one) === undefined)
    issue("hop", `required: a step that divides the window into at most ${TILES_MAX} parts`);
}

function checkValues(one: Feature, issue: FieldIssue): void {
  const isNumber = one.type !== "category" && one.type !== "bool";
  if (one.type === "category" && one.categories === undefined) issue("categories", "required for a category");
  if (one.type !== "category" && one.categories !== undefined)
    issue("categories", `not allowed with type ${one.type}`);
  if (new Set(one.categories).size !== (one.categories?.length ?? 0))
    issue("categories", "a category is listed twice");
  for (const bound of ["min", "max"] as const)
    if (!isNumber && one[bound] !== undefined) issue(bound, `not allowed with type ${one.type}`);
  if ((one.min ?? -Infinity) > (one.max ?? Infinity)) issue("min", "is greater than max");
  if (one.default !== undefined) {
    const problem = createFeatureCheck(one)(one.default);
    if (problem !== undefined) issue("default", problem);
  }
}

/** Tells why a value is not allowed for the feature, or undefined if it is. Made once, for many values. */
export function createFeatureCheck({ type, min, max, categories }: Feature): FeatureCheck {
  switch (type) {
    case "float":
    case "int":
    case "timestamp":
      return (value) => {
        if (typeof value !== "number" || !Number.isFinite(value)) return "must be a finite number";
        if (type === "int" && !Number.isInteger(value)) return "must be an integer";
        if (min !== undefined && value < min) return `must be at least ${min}`;
        if (max !== undefined && value > max) return `must be at most ${max}`;
        return undefined;
      };
    case "bool":
      return (value) => (typeof value === "boolean" ? undefined : "must be true or false");
    case "category": {
      const known = new Set(categories);
      return (value) => {
        if (typeof value !== "string") return "must be a string";
        return known.has(value) ? undefined : "is none of the feature's categories";
      };
    }
  }
}

export type FeatureCheck = (value: unknown) => string | undefined;

/**
 * Checks a parsed `feature-set.json`.
 * @throws EngineError FEATURE_SET_INVALID with one detail per wrong field.
 */
export function parseFeatureSet(json: unknown): FeatureSet {
  const result = featureSet.safeParse(json);
  if (result.success) return result.data;
  const details = result.error.issues.slice(0, 20).map((problem) => ({
    field: problem.path.join(".") || "feature-set.json",
    message: problem.message,
  }));
  const first = details[0];
  throw new EngineError("FEATURE_SET_INVALID", `feature-set.json: ${first?.field}: ${first?.message}`, {
    details,
  });
}

/** `name@version`. */
export function featureSetKey(set: { readonly name: string; readonly version: string }): string {
  return `${set.name}@${set.version}`;
}
