/**
 * The steps of a model's preprocessing as `model.json` lists them: what each is told, and what it has learned from the
 * training rows. Names, fields and meanings are scikit-learn's wherever it has the transform.
 *
 * A step reads columns by name: inputs of the model, or what earlier steps made of them. Bounds: STEPS_MAX steps,
 * FEATURES_MAX numbers in a column and in a row that the model reads. How steps fit together: column-layout.ts.
 */
import { z } from "zod";
import { TIME_PARTS } from "./time-parts.ts";

/** Floats in a row that a model reads, at most. */
export const FEATURES_MAX = 4096;
/** Categories of one input or one encoded column, at most. */
export const CATEGORIES_MAX = 10_000;
/** Characters of one category, at most. */
export const CATEGORY_LENGTH_MAX = 256;
const STEPS_MAX = 100;
const TERM_LENGTH_MAX = 512;
const NGRAM_MAX = 5;
const NAME_LENGTH_MAX = 512;
const OUTPUT_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/;

const column = z.string().min(1).max(NAME_LENGTH_MAX);
const columns = z.array(column).min(1).max(FEATURES_MAX);
const output = z.string().regex(OUTPUT_NAME, "a letter, then letters, digits, _ . - (at most 128)");
/** Results under these names, the columns staying as they are; without it each result replaces its column. */
const outputs = z.array(output).min(1).max(FEATURES_MAX).optional();
const perColumn = z.array(z.number()).min(1).max(FEATURES_MAX);
/** Not "": an empty text stands for a missing one. */
const value = z.union([z.string().min(1).max(CATEGORY_LENGTH_MAX), z.number()]);
/** Allowed values of each column in the order of their codes; null stands for a missing one. */
const categories = z.array(z.array(value.nullable()).min(1).max(CATEGORIES_MAX)).min(1).max(FEATURES_MAX);

/** One kind of step, before and after fitting. */
function kind<Config extends z.ZodRawShape, Learned extends z.ZodRawShape>(config: Config, learned: Learned) {
  return {
    fitted: z.strictObject({ ...config, ...learned }),
    unfitted: z.strictObject({ ...config, ...z.object(learned).partial().shape }),
  };
}

/** Fills what is missing. With add_indicator, columns missingindicator_<name> say where something was. */
const imputer = kind(
  {
    type: z.literal("imputer"),
    columns,
    outputs,
    strategy: z.enum(["mean", "median", "most_frequent", "constant"]),
    fill_value: value.optional(),
    add_indicator: z.boolean().optional(),
  },
  {
    statistics: z.array(value).min(1).max(FEATURES_MAX),
    indicators: z.array(column).max(FEATURES_MAX).optional(),
  },
);
/** (x - mean) / scale */
const standardScaler = kind(
  {
    type: z.literal("standard_scaler"),
    columns,
    outputs,
    with_mean: z.boolean().optional(),
    with_std: z.boolean().optional(),
  },
  { mean: perColumn, scale: perColumn },
);
/** From data_min … data_max to feature_range, [0, 1] by default. */
const minMaxScaler = kind(
  {
    type: z.literal("min_max_scaler"),
    columns,
    outputs,
    feature_range: z.tuple([z.number(), z.number()]).optional(),
    clip: z.boolean().optional(),
  },
  { data_min: perColumn, data_max: perColumn },
);
/** (x - center) / scale: median and range between two percentiles, 25 and 75 by default. */
const robustScaler = kind(
  {
    type: z.literal("robust_scaler"),
    columns,
    outputs,
    with_centering: z.boolean().optional(),
    with_scaling: z.boolean().optional(),
    quantile_range: z.tuple([z.number().min(0).max(100), z.number().min(0).max(100)]).optional(),
  },
  { center: perColumn, scale: perColumn },
);
/** One 0 or 1 per category. Unseen: an error, or all zeros. */
const oneHotEncoder = kind(
  {
    type: z.literal("one_hot_encoder"),
    columns,
    outputs,
    handle_unknown: z.enum(["error", "ignore"]).optional(),
    drop: z.literal("first").optional(),
  },
  { categories },
);
/** The index of the category; a missing one that was seen in training becomes encoded_missing_value. */
const ordinalEncoder = kind(
  {
    type: z.literal("ordinal_encoder"),
    columns,
    outputs,
    handle_unknown: z.enum(["error", "use_encoded_value"]).optional(),
    /** null: missing. */
    unknown_value: z.number().nullable().optional(),
    /** Absent: missing. */
    encoded_missing_value: z.number().optional(),
  },
  { categories },
);
/** Weighted counts of the words (and runs of words) of a text; words are scikit-learn's default token_pattern. */
const tfidfVectorizer = kind(
  {
    type: z.literal("tfidf_vectorizer"),
    columns: z.array(column).length(1),
    outputs,
    lowercase: z.boolean().optional(),
    ngram_range: z
      .tuple([z.number().int().min(1).max(NGRAM_MAX), z.number().int().min(1).max(NGRAM_MAX)])
      .optional(),
    sublinear_tf: z.boolean().optional(),
    norm: z.enum(["l1", "l2"]).nullable().optional(),
    /** Fitting: rows that a term must be in. */
    min_df: z.number().int().min(1).optional(),
    /** Fitting: how many terms are kept, the most frequent ones. */
    max_features: z.number().int().min(1).max(FEATURES_MAX).optional(),
  },
  {
    vocabulary: z.array(z.string().min(1).max(TERM_LENGTH_MAX)).min(1).max(FEATURES_MAX),
    idf: perColumn,
  },
);
/** Adds <column>_<part> per column and part. */
const timeParts = kind(
  {
    type: z.literal("time_parts"),
    columns,
    parts: z.array(z.enum(TIME_PARTS)).min(1).max(TIME_PARTS.length),
  },
  {},
);
/** sin and cos of 2π x / period. */
const cyclicEncoder = kind(
  { type: z.literal("cyclic_encoder"), columns, outputs, period: z.number().positive() },
  {},
);
/** Latitude and longitude: each a column, or a number of degrees. */
const point = z.tuple([z.union([column, z.number()]), z.union([column, z.number()])]);
/** Adds the great-circle distance in km. */
const haversineDistance = kind({ type: z.literal("haversine_distance"), from: point, to: point, output }, {});
/** Adds the geohash cell of a latitude and a longitude, as text to be encoded. */
const geohash = kind(
  {
    type: z.literal("geohash"),
    columns: z.array(column).length(2),
    precision: z.number().int().min(1).max(12),
    output,
  },
  {},
);
/** Adds the products of all pairs of numbers, and their squares unless interaction_only. */
const polynomialFeatures = kind(
  { type: z.literal("polynomial_features"), columns, interaction_only: z.boolean().optional(), output },
  {},
);
/** Of these columns keeps those that vary more than the threshold; leaves the other columns alone. */
const varianceThreshold = kind(
  { type: z.literal("variance_threshold"), columns, threshold: z.number().min(0).optional() },
  { kept: z.array(column).max(FEATURES_MAX) },
);
/** Keeps these columns, or single numbers of them, in this order. */
const select = kind({ type: z.literal("select"), columns }, {});

export const preprocessingStep = z.discriminatedUnion("type", [
  imputer.fitted,
  standardScaler.fitted,
  minMaxScaler.fitted,
  robustScaler.fitted,
  oneHotEncoder.fitted,
  ordinalEncoder.fitted,
  tfidfVectorizer.fitted,
  timeParts.fitted,
  cyclicEncoder.fitted,
  haversineDistance.fitted,
  geohash.fitted,
  polynomialFeatures.fitted,
  varianceThreshold.fitted,
  select.fitted,
]);
export const preprocessingSteps = z
  .array(preprocessingStep)
  .min(1)
  .max(STEPS_MAX)
  .meta({ id: "Preprocessing" });

/** Steps as somebody writes them before training; what is learned may stand there already, and is learned anew. */
export const unfittedSteps = z
  .array(
    z.discriminatedUnion("type", [
      imputer.unfitted,
      standardScaler.unfitted,
      minMaxScaler.unfitted,
      robustScaler.unfitted,
      oneHotEncoder.unfitted,
      ordinalEncoder.unfitted,
      tfidfVectorizer.unfitted,
      timeParts.unfitted,
      cyclicEncoder.unfitted,
      haversineDistance.unfitted,
      geohash.unfitted,
      polynomialFeatures.unfitted,
      varianceThreshold.unfitted,
      select.unfitted,
    ]),
  )
  .min(1)
  .max(STEPS_MAX);

export type PreprocessingStep = z.infer<typeof preprocessingStep>;
export type UnfittedStep = z.infer<typeof unfittedSteps>[number];
export type StepType = PreprocessingStep["type"];
/** The fitted step of one type. */
export type StepOf<Type extends StepType> = Extract<PreprocessingStep, { type: Type }>;
/** The same before fitting. */
export type UnfittedOf<Type extends StepType> = Extract<UnfittedStep, { type: Type }>;
