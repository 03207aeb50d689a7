/**
 * The profile of a reference: what the inputs and outputs of a model looked like, as counts in bins frozen at the time.
 * Windows of served rows are counted in the same bins and compared with it.
 *
 * A column's counts have one slot per bin, and a last one for null (NaN). A number column has a bin per interval between
 * edges (see frozen-edges); a category column one per listed value and one for all that are not listed: other values of
 * the reference if it had more than are listed, else values that it never had.
 *
 * Invariant: a profile that parses is consistent; its id follows from its content alone, in any order of the rows.
 */
import { hash } from "node:crypto";
import { z } from "zod";
import { toCanonicalJson } from "../../core/canonical-json.ts";
import { EngineError } from "../../core/errors.ts";
import type { ModelManifest } from "../../core/manifest.ts";
import { FEATURES_MAX } from "../../core/preprocessing.ts";
import { EDGES_PER_BIN_MAX } from "../drift/frozen-edges.ts";

export const BINS_DEFAULT = 20;
export const BINS_MAX = 200;
/** Values of a category column that have a bin of their own: the most frequent ones. */
export const LISTED_MAX = 200;
/** Longer values, in UTF-16 code units, are never listed. */
export const LISTED_LENGTH_MAX = 256;

const count = z.number().int().min(0);
const columnFields = {
  name: z.string().min(1).max(128),
  role: z.enum(["input", "output"]),
  /** constant: one value only. empty: no finite number, or no value at all; nothing can be compared but the null rate. */
  state: z.enum(["varying", "constant", "empty"]),
  /** Rows with a value. */
  count,
  null_count: count,
};

const numberColumn = z
  .strictObject({
    ...columnFields,
    type: z.literal("number"),
    /** Float32, ascending; the bin of a value is the number of edges below it. */
    edges: z.array(z.number()).max(EDGES_PER_BIN_MAX * BINS_MAX + 1),
    /** Per bin, one more than edges. Infinite values count in the first and the last one. */
    counts: z.array(count),
    /** Of finite values, like the next three; absent in an empty column. */
    mean: z.number().optional(),
    /** Of the population: divided by n, as numpy.std. */
    std: z.number().min(0).optional(),
    min: z.number().optional(),
    max: z.number().optional(),
  })
  .refine(({ edges, counts }) => counts.length === edges.length + 1, "counts must have one more than edges")
  .refine(
    ({ edges }) =>
      edges.every((edge, at) => Math.fround(edge) === edge && (at === 0 || edge > (edges[at - 1] ?? 0))),
    "edges must be float32 numbers in ascending order",
  )
  .refine((column) => sumOf(column.counts) === column.count, "counts must sum to count")
  .refine(
    ({ state, mean, std, min, max }) =>
      [mean, std, min, max].every((one) => (one === undefined) === (state === "empty")),
    "mean, std, min and max must be there, and left out only in an empty column",
  )
  .refine(
    ({ min = 0, max = 0, state }) => (state === "varying" ? min < max : min === max),
    "min must be below max in a varying column, and equal to it in a constant one",
  );

const categoryColumn = z
  .strictObject({
    ...columnFields,
    type: z.literal("category"),
    /** The most frequent first; of equally frequent ones the lower in code units. */
    values: z.array(z.string().max(LISTED_LENGTH_MAX)).max(LISTED_MAX),
    /** Per listed value, and last of the values that are not listed. */
    counts: z.array(count),
  })
  .refine(
    ({ values, counts }) => counts.length === values.length + 1,
    "counts must have one more than values",
  )
  .refine(({ values }) => new Set(values).size === values.length, "a value is listed twice")
  .refine((column) => sumOf(column.counts) === column.count, "counts must sum to count")
  .refine(({ state, count }) => (state === "empty") === (count === 0), "a column is empty if its count is 0");

const profileColumn = z.discriminatedUnion("type", [numberColumn, categoryColumn]);

export const referenceProfile = z
  .strictObject({
    format: z.literal(1),
    /** What the quantiles were cut into. */
    bins: z.number().int().min(2).max(BINS_MAX),
    rows: count,
    /** Inputs in the manifest's order, then outputs. */
    columns: z
      .array(profileColumn)
      .min(1)
      .max(FEATURES_MAX + 2),
  })
  .refine(
    ({ columns, rows }) => columns.every((column) => column.count + column.null_count === rows),
    "count and null_count of each column must sum to rows",
  );

export type ReferenceProfile = z.infer<typeof referenceProfile>;
export type ProfileColumn = z.infer<typeof profileColumn>;
export type NumberProfile = z.infer<typeof numberColumn>;
export type CategoryProfile = z.infer<typeof categoryColumn>;

/** A column that is watched: what a profile of a model has to have. */
export interface WatchedColumn {
  readonly name: string;
  readonly role: "input" | "output";
  readonly type: "number" | "category";
}

/**
 * The columns of a model: its inputs (booleans are numbers, texts are categories; timestamps are left out, since the
 * clock moves on anyway), then `predicted_value`, and `predicted_class` of a classifier.
 */
export function watchedColumns({ inputs, classes }: ModelManifest): WatchedColumn[] {
  const columns: WatchedColumn[] = [];
  for (const { name, type } of inputs) {
    if (type === "timestamp") continue;
    const isCategory = type === "category" || type === "text";
    columns.push({ name, role: "input", type: isCategory ? "category" : "number" });
  }
  columns.push({ name: "predicted_value", role: "output", type: "number" });
  if (classes !== undefined) columns.push({ name: "predicted_class", role: "output", type: "category" });
  return columns;
}

/** Hex SHA-256 of the profile's canonical JSON. */
export function profileId(profile: ReferenceProfile): string {
  return hash("sha256", toCanonicalJson(profile), "hex");
}

/** @throws EngineError INVALID_REQUEST with one detail per wrong field. */
export function parseProfile(json: unknown): ReferenceProfile {
  const result = referenceProfile.safeParse(json);
  if (result.success) return result.data;
  const details = result.error.issues.map(({ path, message }) => ({
    field: path.join(".") || "profile",
    message,
  }));
  const [first] = details;
  throw new EngineError(
    "INVALID_REQUEST",
    `the reference profile is damaged: ${first?.field}: ${first?.message}`,
    {
      details,
    },
  );
}

/** Counts of a column of the profile with that of null last: one per slot. */
export function slotCounts({ counts, null_count }: ProfileColumn): Float64Array {
  return Float64Array.from([...counts, null_count]);
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
