/**
 * The data part of a training job: where rows come from, which features and labels are taken of them, how classes weigh.
 *
 *     labelled   what a model was served and was labelled with later, exactly as it was then
 *     query      what an analyst may read with SQL: as this user, under this user's limits
 *     file       a table on disk, for the command line: a server does not read files
 */
import { z } from "zod";
import { durationMs, durationText } from "./duration.ts";
import { MODEL_VERSION } from "./names.ts";

/** Rows that a job learns from at most: what fits in memory as columns beside a trainer. */
export const TRAINING_ROWS_MAX = 2_000_000;
const SQL_LENGTH_MAX = 65_536;
const VERSIONS_MAX = 100;
const COLUMNS_MAX = 4096;
/** A class weight beyond this says that one class should be left out. */
const CLASS_WEIGHT_MAX = 10_000;

const columnName = z.string().min(1).max(128);
const moment = z.iso.datetime({ offset: true });

/** More rows than this are drawn by hash, the same ones every time (query: refused, since its rows have no ids). */
const rowsMax = z.int().min(100).max(TRAINING_ROWS_MAX).default(1_000_000);

const common = {
  rows_max: rowsMax,
  /** Inputs to learn from, by name. Without `include` all of them; `exclude` is taken away from those. */
  features: z
    .strictObject({
      include: z.array(columnName).min(1).max(COLUMNS_MAX).optional(),
      exclude: z.array(columnName).min(1).max(COLUMNS_MAX).optional(),
    })
    .default({}),
  /**
   * What a row of each class weighs in training: `none`: 1; `balanced`: rows / (classes × rows of the class), as in scikit-learn; or a
   * weight by class, 1 for those that are not named.
   */
  class_weight: z
    .union([
      z.enum(["none", "balanced"]),
      z.record(z.string().min(1).max(256), z.number().positive().max(CLASS_WEIGHT_MAX)),
    ])
    .default("none"),
  /** A feature that says this share of the label, alone, is refused as leaking (engine/train/data/leakage); unless it is allowed. */
  leakage: z
    .strictObject({
      threshold: z.number().gt(0.5).max(1).default(0.98),
      allow: z.array(columnName).max(COLUMNS_MAX).default([]),
    })
    .prefault({}),
};

const table = {
  label_column: columnName,
  /** When a row happened: needed to validate by time. ISO 8601 (UTC without an offset), or milliseconds since 1970. */
  time_column: columnName.optional(),
  /** Rows of one entity stay in one part of a split by hash. No feature. */
  entity_column: columnName.optional(),
  /** What a row weighs: positive numbers. No feature. */
  weight_column: columnName.optional(),
  ...common,
};

const labelled = z
  .strictObject({
    source: z.literal("labelled"),
    /** Predictions of prediction_date in [from, to) … */
    from: moment.optional(),
    to: moment.optional(),
    /** … or a stretch that ends where labels begin to be immature: at as_of less label_maturity. */
    window: durationText("1m", "3650d").optional(),
    /** Labels that had arrived by then; the start of the job unless given. */
    as_of: moment.optional(),
    /** Predictions younger than this at as_of are left out: their labels may still come, and those that are there are not all alike. */
    label_maturity: durationText("1s", "365d").optional(),
    /** `same_inputs`: all versions of the model that were served the same inputs. */
    versions: z
      .union([
        z.literal("same_inputs"),
        z.array(z.string().regex(MODEL_VERSION, "a semantic version such as 1.0.0")).min(1).max(VERSIONS_MAX),
      ])
      .default("same_inputs"),
    ...common,
  })
  .superRefine(({ from, to, window }, context) => {
    const isRange = from !== undefined || to !== undefined;
    if (isRange === (window !== undefined))
      context.addIssue({ code: "custom", path: ["window"], message: "give either from and to, or window" });
    else if (isRange && (from === undefined || to === undefined))
      context.addIssue({
        code: "custom",
        path: [from === undefined ? "from" : "to"],
        message: "required: a period has both ends",
      });
    else if (from !== undefined && to !== undefined && Date.parse(from) >= Date.parse(to))
      context.addIssue({ code: "custom", path: ["to"], message: "must be later than from" });
  });

export const trainingData = z.discriminatedUnion("source", [
  labelled,
  /** One SELECT. Its columns but the named ones are features. */
  z.strictObject({ source: z.literal("query"), sql: z.string().min(1).max(SQL_LENGTH_MAX), ...table }),
  /** .csv, .parquet, .jsonl. Its columns but the named ones are features. */
  z.strictObject({ source: z.literal("file"), path: z.string().min(1).max(4096), ...table }),
]);

export type TrainingData = z.infer<typeof trainingData>;
export type LabelledData = Extract<TrainingData, { source: "labelled" }>;
export type QueryData = Extract<TrainingData, { source: "query" }>;
export type FileData = Extract<TrainingData, { source: "file" }>;
export type TableData = QueryData | FileData;
export type FeatureSelection = TrainingData["features"];
export type ClassWeight = TrainingData["class_weight"];
export type LeakageRule = TrainingData["leakage"];

/** A period of predictions, ms since 1970: [from, to), with the labels that had arrived by as_of. */
export interface LabelledPeriod {
  readonly fromMs: number;
  readonly toMs: number;
  readonly asOfMs: number;
}

/**
 * The period that a job of `nowMs` is about, without predictions whose labels may still come. It may be empty: `toMs` at or before
 * `fromMs`.
 */
export function periodOf(data: LabelledData, nowMs: number): LabelledPeriod {
  const asOfMs = data.as_of === undefined ? nowMs : Date.parse(data.as_of);
  const matureMs = asOfMs - (data.label_maturity === undefined ? 0 : (durationMs(data.label_maturity) ?? 0));
  if (data.window !== undefined)
    return { fromMs: matureMs - (durationMs(data.window) ?? 0), toMs: matureMs, asOfMs };
  const toMs = Math.min(Date.parse(data.to ?? ""), matureMs);
  return { fromMs: Date.parse(data.from ?? ""), toMs, asOfMs };
}
