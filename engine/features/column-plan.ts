/**
 * What the events of one entity type are kept as: the columns and last values that its active feature sets need.
 *
 * Compiled from the sets whenever they change. Columns of equal definitions, in whatever set or version, are one.
 * Also the check of an event's values against what the sets declare.
 */
import { durationMs } from "../core/duration.ts";
import { EngineError } from "../core/errors.ts";
import type { FeatureEvent, FieldValue } from "../core/feature-event.ts";
import type { FieldRule } from "../core/feature-history.ts";
import {
  createFeatureCheck,
  type Feature,
  type FeatureCheck,
  type FeatureSet,
  type WindowFeature,
} from "../core/feature-set.ts";
import { tilesOf } from "../core/window-tiles.ts";
import { type Column, createLayout, type Part } from "./column.ts";
import { SQUARED_TERM_MAX, TERM_MAX } from "./exact-sum.ts";
import { murmurHash32 } from "./murmur-hash.ts";

const TTL_SLACK_MS = 60_000;

const PARTS: Readonly<Record<WindowFeature["aggregation"], readonly Part[]>> = {
  count: [],
  sum: ["sum"],
  mean: ["sum"],
  min: ["extremes"],
  max: ["extremes"],
  stddev: ["sum", "squares"],
  distinct_count: ["distinct"],
  first: ["edges"],
  last: ["edges"],
};

export interface ColumnPlan {
  readonly columns: readonly Column[];
  /** Fields whose last value is kept, by name: the id they are kept under. */
  readonly fields: ReadonlyMap<string, number>;
  /** How long a state is worth keeping after an event. */
  readonly ttlMs: number;
  /** The longest lateness of any column; 0 when there is none. */
  readonly latenessMs: number;
  /** Why the event cannot be taken, naming the field, or undefined. */
  problemWith(event: FeatureEvent): string | undefined;
}

/** @throws EngineError FEATURE_SET_INVALID in the rare case that two names have the same hash. */
export function compileColumns(sets: readonly FeatureSet[]): ColumnPlan {
  const columns = new Map<number, Column>();
  const fields = new Map<string, number>();
  let ttlMs = 0;
  for (const set of sets) {
    for (const column of columnsOf(set).values()) addColumn(columns, column);
    for (const feature of set.features) {
      if (feature.kind === "online") fields.set(fieldOf(feature), murmurHash32(fieldOf(feature)));
      ttlMs = Math.max(ttlMs, lifetimeMs(feature));
    }
  }
  if (new Set(fields.values()).size < fields.size)
    throw new EngineError("FEATURE_SET_INVALID", "two fields have the same hash: rename one");
  const all = [...columns.values()];
  const checks = fieldRules(sets).map((rule) => ({ field: rule.field, check: createRuleCheck(rule) }));
  return {
    columns: all,
    fields,
    ttlMs: ttlMs + TTL_SLACK_MS,
    latenessMs: Math.max(0, ...all.map((column) => column.latenessMs)),
    problemWith: (event) => firstProblem(checks, event),
  };
}

/** The column of each window feature of a set, by the feature's name. */
export function columnsOf(set: FeatureSet): ReadonlyMap<string, Column> {
  const features = set.features.filter((feature) => feature.kind === "window");
  const parts = new Map<string, Set<Part>>();
  for (const feature of features) {
    const known = parts.get(baseOf(set, feature)) ?? new Set<Part>();
    for (const part of PARTS[feature.aggregation]) known.add(part);
    parts.set(baseOf(set, feature), known);
  }
  return new Map(
    features.map((feature) => {
      const base = baseOf(set, feature);
      return [feature.name, createColumn(set, feature, base, parts.get(base) as Set<Part>)];
    }),
  );
}

/** Features with the same base share a column. */
function baseOf(set: FeatureSet, feature: WindowFeature): string {
  const { field, filter, decimals, window, windowing } = feature;
  const hopMs = tilesOf(feature)?.hopMs;
  const values =
    filter === undefined ? null : [filter.field, [...filter.in].map((value) => [typeof value, value])];
  return JSON.stringify([field ?? null, values, decimals, window, windowing, hopMs, set.lateness]);
}

function createColumn(
  set: FeatureSet,
  feature: WindowFeature,
  base: string,
  parts: ReadonlySet<Part>,
): Column {
  const tiles = tilesOf(feature) as { hopMs: number; count: number };
  const { filter } = feature;
  return {
    id: murmurHash32(`${base} ${[...parts].sort().join(" ")}`),
    field: feature.field,
    filter: filter === undefined ? undefined : { field: filter.field, in: new Set<FieldValue>(filter.in) },
    hopMs: tiles.hopMs,
    tiles: tiles.count,
    scale: 10 ** feature.decimals,
    latenessMs: durationMs(set.lateness) as number,
    layout: createLayout(parts),
  };
}

function addColumn(columns: Map<number, Column>, column: Column): void {
  const known = columns.get(column.id);
  if (known === undefined) columns.set(column.id, column);
  else if (known.field !== column.field || known.hopMs !== column.hopMs)
    throw new EngineError(
      "FEATURE_SET_INVALID",
      "two windows have the same hash: change the lateness of one",
    );
}

/** The field of the event that an online feature is the last value of. */
export function fieldOf(feature: { readonly name: string; readonly field?: string | undefined }): string {
  return feature.field ?? feature.name;
}

function lifetimeMs(feature: Feature): number {
  if (feature.kind === "online") return durationMs(feature.ttl) as number;
  if (feature.kind !== "window") return 0;
  const tiles = tilesOf(feature);
  return tiles === undefined ? 0 : tiles.hopMs * (tiles.count + 1);
}

/** What the sets ask of an event's fields. */
export function fieldRules(sets: readonly FeatureSet[]): FieldRule[] {
  return sets.flatMap(({ features }) => features.flatMap(rulesOf));
}

function rulesOf(feature: Feature): FieldRule[] {
  if (feature.kind === "online") return [{ field: fieldOf(feature), online: feature }];
  if (feature.kind !== "window" || feature.field === undefined) return [];
  if (feature.aggregation === "distinct_count") return [];
  const parts = PARTS[feature.aggregation];
  const termMax = parts.includes("squares") ? SQUARED_TERM_MAX : parts.includes("sum") ? TERM_MAX : Infinity;
  return [{ field: feature.field, aggregate: feature.name, below: termMax / 10 ** feature.decimals }];
}

interface FieldCheck {
  readonly field: string;
  readonly check: FeatureCheck;
}

function firstProblem(checks: readonly FieldCheck[], { fields }: FeatureEvent): string | undefined {
  for (const { field, check } of checks) {
    if (!Object.hasOwn(fields, field)) continue;
    const value = fields[field] as FieldValue;
    const problem = value === null ? undefined : check(value);
    if (problem !== undefined) return `${field} ${problem}`;
  }
  return undefined;
}

function createRuleCheck(rule: FieldRule): FeatureCheck {
  if ("online" in rule) return createFeatureCheck(rule.online);
  const { aggregate, below } = rule;
  return (value) => {
    if (typeof value === "string") return `must be a number: ${aggregate} aggregates it`;
    if (Math.abs(Number(value)) < below) return undefined;
    return `must be below ${below} for ${aggregate}; fewer decimals in the feature set allow more`;
  };
}
