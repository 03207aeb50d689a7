/**
 * The reference of a model version as JSON: the profile, and what its labelled rows say of the model's quality.
 *
 * Invariant: what parses fits its model: the profile's columns are the model's, its metrics those of its kind.
 * Bound: BINS_TOTAL_MAX bins.
 */
import { z } from "zod";
import { EngineError, type ErrorDetail } from "../../core/errors.ts";
import type { ModelManifest } from "../../core/manifest.ts";
import type { ReferenceSource } from "../../core/reference-source.ts";
import { METRICS, type MetricName, type ModelKind, metricsOf } from "../performance/metric-table.ts";
import type { MetricSet } from "../performance/metric-value.ts";
import { type PerformanceEstimator, performanceEstimator } from "../performance/performance-estimator.ts";
import { ROWS_MIN_DEFAULT } from "./reference-builder.ts";
import { type ReferenceProfile, referenceProfile, watchedColumns } from "./reference-profile.ts";

/** What one insert into ClickHouse holds as one block. */
const BINS_TOTAL_MAX = 1_000_000;
const DETAILS_MAX = 20;

const metricValue = z.strictObject({
  value: z.number().nullable(),
  reason: z.string().max(256).optional(),
  interval: z.strictObject({ low: z.number(), high: z.number() }).optional(),
});

export const referenceContent = z.strictObject({
  profile: referenceProfile,
  /** Of the labelled rows; see realised-performance. */
  metrics: z.partialRecord(z.enum(Object.keys(METRICS) as [MetricName]), metricValue).optional(),
  /** Of two classes: for estimating performance while labels are not there yet. */
  estimator: performanceEstimator.optional(),
});

export interface ReferenceContent {
  readonly profile: ReferenceProfile;
  readonly metrics?: MetricSet;
  readonly estimator?: PerformanceEstimator;
}

export interface ReferenceDocument extends ReferenceContent {
  readonly source: ReferenceSource;
  readonly created_at: string;
}

export function modelKindOf({ classes }: ModelManifest): ModelKind {
  if (classes === undefined) return "regression";
  return classes.length === 2 ? "binary" : "multiclass";
}

/**
 * @throws EngineError INVALID_REQUEST with a detail for each wrong field; those of a column begin with its name.
 */
export function parseReference(json: unknown, manifest: ModelManifest): ReferenceContent {
  const result = referenceContent.safeParse(json);
  if (!result.success)
    throw invalid(result.error.issues.map(({ path, message }) => ({ field: fieldOf(path, json), message })));
  const { profile, metrics, estimator } = result.data;
  const kind = modelKindOf(manifest);
  const details = [...problemsWithColumns(profile, manifest)];
  if (profile.rows < ROWS_MIN_DEFAULT)
    details.push({
      field: "profile.rows",
      message: `is ${profile.rows}; give at least ${ROWS_MIN_DEFAULT} rows`,
    });
  for (const name of Object.keys(metrics ?? {}) as MetricName[])
    if (!metricsOf(kind).includes(name))
      details.push({ field: `metrics.${name}`, message: `is no metric of a ${kind} model: leave it out` });
  if (estimator !== undefined && kind !== "binary")
    details.push({ field: "estimator", message: "is for models of two classes only: leave it out" });
  const bins = profile.columns.reduce((sum, { counts }) => sum + counts.length + 1, 0);
  if (bins > BINS_TOTAL_MAX)
    details.push({
      field: "profile.bins",
      message: `make ${bins} in all columns; at most ${BINS_TOTAL_MAX} may`,
    });
  if (details.length > 0) throw invalid(details);
  return result.data as ReferenceContent; // optional fields are left out, not undefined: it is JSON
}

/** A column of the profile for each input, in the model's order, then outputs, which may be left out; no others. */
function problemsWithColumns({ columns }: ReferenceProfile, manifest: ModelManifest): ErrorDetail[] {
  const watched = watchedColumns(manifest);
  const places = new Map(watched.map(({ name }, place) => [name, place]));
  const given = new Set<string>();
  const details: ErrorDetail[] = [];
  let last = -1;
  for (const { name, role, type } of columns) {
    const place = places.get(name);
    const expected = place === undefined ? undefined : watched[place];
    if (place === undefined || expected === undefined)
      details.push({ field: name, message: "is no column of the model: leave it out" });
    else if (given.has(name)) details.push({ field: name, message: "is there twice" });
    else if (expected.type !== type)
      details.push({
        field: name,
        message: `must be of type ${expected.type}, as in the model, not ${type}`,
      });
    else if (expected.role !== role)
      details.push({ field: name, message: `must have the role ${expected.role}, not ${role}` });
    else if (place < last)
      details.push({ field: name, message: `must stand before ${watched[last]?.name}, as in the model` });
    given.add(name);
    last = Math.max(last, place ?? -1);
  }
  for (const { name, role } of watched)
    if (role === "input" && !given.has(name))
      details.push({ field: name, message: "is an input of the model: the reference must have it" });
  return details;
}

/** `amount.counts` rather than `profile.columns.3.counts`. */
function fieldOf(path: readonly PropertyKey[], json: unknown): string {
  const [first, list, at, ...rest] = path;
  if (first === "profile" && list === "columns" && typeof at === "number") {
    const columns = (json as { profile?: { columns?: readonly { name?: unknown }[] } }).profile?.columns;
    const name = columns?.[at]?.name;
    if (typeof name === "string" && name !== "") return [name, ...rest].join(".");
  }
  return path.join(".") || "reference";
}

function invalid(all: readonly ErrorDetail[]): EngineError {
  const details = all.slice(0, DETAILS_MAX);
  const [first] = details;
  return new EngineError("INVALID_REQUEST", `reference: ${first?.field}: ${first?.message}`, { details });
}
