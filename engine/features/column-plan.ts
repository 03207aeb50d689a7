/**
 * What the events of one entity type are kept as: the columns and last values that its active feature sets need.
 *
 * Compiled from the sets whenever they change. Columns of equal definitions, in whatever set or version, are one.
 * Also the check of an event's values against what the sets declare.
 */
import { hash } from "node:crypto";
import { durationMs } from "../core/duration.ts";
import { EngineError } from "../core/errors.ts";
import type { FeatureEvent, FieldValue } from "../core/feature-event.ts";
import type { EventRules, FieldRule } from "../core/feature-history.ts";
import {
  createFeatureCheck,
  type Feature,
  type FeatureCheck,
  type FeatureSet,
  type OnlineFeature,
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

/** A field of events whose last value is kept. */
export interface KeptField {
  /** Hash of what follows and of how long the value is of use. */
  readonly id: number;
  readonly name: string;
  readonly rules: EventRules;
}

export interface ColumnPlan {
  readonly columns: readonly Column[];
  readonly fields: readonly KeptField[];
  /** Of all sets, each once, compiled. */
  readonly rules: readonly { readonly id: string; readonly checks: readonly FieldCheck[] }[];
  /** How long a state is worth keeping after an event. */
  readonly ttlMs: number;
  /** The longest lateness of any column; 0 when there is none. */
  readonly latenessMs: number;
}

/** What becomes of an event. */
export interface Judgement {
  /** Why a set does not take it, naming the field; undefined when all do. */
  readonly problem: string | undefined;
  /** The part of the plan that takes it: that of the sets whose rules it keeps. */
  readonly takers: ColumnPlan;
}

/** @throws EngineError FEATURE_SET_INVALID in the rare case that two names have the same hash. */
export function compileColumns(sets: readonly FeatureSet[]): ColumnPlan {
  const columns = new Map<number, Column>();
  const fields = new Map<number, KeptField>();
  const rules = new Map(sets.map((set) => [eventRules(set).id, eventRules(set)]));
  let ttlMs = 0;
  for (const set of sets) {
    for (const column of columnsOf(set).values()) addColumn(columns, column);
    for (const feature of set.features) {
      if (feature.kind === "online") addField(fields, keptField(set, feature));
      ttlMs = Math.max(ttlMs, lifetimeMs(feature));
    }
  }
  const all = [...columns.values()];
  return {
    columns: all,
    fields: [...fields.values()],
    rules: [...rules.values()].map(({ id, list }) => ({ id, checks: list.map(toFieldCheck) })),
    ttlMs: ttlMs + TTL_SLACK_MS,
    latenessMs: Math.max(0, ...all.map((column) => column.latenessMs)),
  };
}

/** The part of a plan that `isTaken` says; events are judged by all its rules all the same. */
export function restrictPlan(plan: ColumnPlan, isTaken: (one: Column | KeptField) => boolean): ColumnPlan {
  const columns = plan.columns.filter(isTaken);
  const latenessMs = Math.max(0, ...columns.map((column) => column.latenessMs));
  return { ...plan, columns, fields: plan.fields.filter(isTaken), latenessMs };
}

/**
 * Which part of the plan takes an event. A set's rules never change and concern that set alone, so this is so whenever
 * the event is judged: when it comes, when states are filled anew, and in the history.
 */
export function judge(plan: ColumnPlan, event: FeatureEvent): Judgement {
  let problem: string | undefined;
  const broken = new Set<string>();
  for (const { id, checks } of plan.rules) {
    const found = firstProblem(checks, event);
    if (found === undefined) continue;
    problem ??= found;
    broken.add(id);
  }
  const takers = problem === undefined ? plan : restrictPlan(plan, ({ rules }) => !broken.has(rules.id));
  return { problem, takers };
}

export function isEmptyPlan({ columns, fields }: ColumnPlan): boolean {
  return columns.length + fields.length === 0;
}

/** The column of each window feature of a set, by the feature's name. */
export function columnsOf(set: FeatureSet): ReadonlyMap<string, Column> {
  const features = set.features.filter((feature) => feature.kind === "window");
  const rules = eventRules(set);
  const parts = new Map<string, Set<Part>>();
  for (const feature of features) {
    const base = baseOf(set, feature, rules);
    const known = parts.get(base) ?? new Set<Part>();
    for (const part of PARTS[feature.aggregation]) known.add(part);
    parts.set(base, known);
  }
  return new Map(
    features.map((feature) => {
      const base = baseOf(set, feature, rules);
      return [feature.name, createColumn(set, feature, base, rules, parts.get(base) as Set<Part>)];
    }),
  );
}

/** Features with the same base share a column. */
function baseOf(set: FeatureSet, feature: WindowFeature, rules: EventRules): string {
  const { field, filter, decimals, window, windowing } = feature;
  const hopMs = tilesOf(feature)?.hopMs;
  const values =
    filter === undefined ? null : [filter.field, [...filter.in].map((value) => [typeof value, value])];
  return JSON.stringify([field ?? null, values, decimals, window, windowing, hopMs, set.lateness, rules.id]);
}

function createColumn(
  set: FeatureSet,
  feature: WindowFeature,
  base: string,
  rules: EventRules,
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
    rules,
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

/** What an online feature of the set is the last value of: one that is to be kept for longer has a state of its own. */
export function keptField(set: FeatureSet, feature: OnlineFeature): KeptField {
  const name = fieldOf(feature);
  const rules = eventRules(set);
  return { id: murmurHash32(JSON.stringify([name, durationMs(feature.ttl), rules.id])), name, rules };
}

function addField(fields: Map<number, KeptField>, field: KeptField): void {
  const known = fields.get(field.id);
  if (known === undefined) fields.set(field.id, field);
  else if (known.name !== field.name || known.rules.id !== field.rules.id)
    throw new EngineError("FEATURE_SET_INVALID", "two fields have the same hash: change the ttl of one");
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

/** Worked out once for each set: some have ten thousand categories. */
const RULES = new WeakMap<FeatureSet, EventRules>();

/** What a set asks of the fields of events. */
export function eventRules(set: FeatureSet): EventRules {
  const known = RULES.get(set);
  if (known !== undefined) return known;
  const list = set.features.flatMap(rulesOf);
  const texts = new Set(list.map(ruleText));
  const rules = { id: hash("sha256", [...texts].sort().join("\n"), "base64"), list };
  RULES.set(set, rules);
  return rules;
}

/** What makes rules equal: all that an event can break, nothing else of the feature. */
function ruleText(rule: FieldRule): string {
  if (!("online" in rule)) return JSON.stringify([rule.field, String(rule.below)]);
  const { type, min = null, max = null, categories } = rule.online;
  return JSON.stringify([rule.field, type, min, max, categories?.toSorted() ?? null]);
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

function toFieldCheck(rule: FieldRule): FieldCheck {
  return { field: rule.field, check: createRuleCheck(rule) };
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
