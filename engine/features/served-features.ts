// hot path
/**
 * Fills the features that a request left open, from the states of its entities: request values first, then last values
 * and windows, then what is derived from them; defaults where there is nothing.
 *
 * What fell back to a default is told, and so is how far each entity's events were known: with that, the same values can
 * be worked out again from the tables.
 */
import { applyDerived } from "../core/derived-function.ts";
import { EngineError, type ErrorDetail } from "../core/errors.ts";
import type { Scalar } from "../core/feature-set.ts";
import type { EntityView } from "./entity-view.ts";
import type { FeatureLookup, LookupInput, LookupStep } from "./feature-lookup.ts";
import { GIVEN, SKIPPED } from "./step-use.ts";
import { windowValue } from "./window-value.ts";

/** Why a feature's default was served; invalid: its value was of another type, or out of range. */
export type FeatureStatus = "missing" | "stale" | "invalid" | "unavailable";

export interface ServedEntity {
  readonly type: string;
  readonly id: string;
  /** Sequence of the last event that its state held; 0 if it had none. */
  readonly seq: number;
}

/** What a prediction says of the features that the request did not hold. */
export interface ServedFeatures {
  /** Moment that windows and ages were taken at, ms. */
  readonly asOfMs: number;
  readonly entities: readonly ServedEntity[];
  /** By feature; those that are not named had their value. */
  readonly status: ReadonlyMap<string, FeatureStatus>;
}

type Values = Readonly<Record<string, unknown>>;

export interface Lookup {
  /** By step; undefined where there is no value and no default. */
  readonly values: readonly (Scalar | undefined)[];
  readonly status: Map<string, FeatureStatus>;
}

/** What a model's lookup takes from a request, see step-use. */
export interface RequestUse {
  readonly uses: Uint8Array;
  readonly inputNames: FeatureLookup["inputNames"];
}

/**
 * The value of every step.
 * @param views in the order of `lookup.entities`.
 * @param use which steps the request gives or makes needless; absent: none.
 * @throws EngineError INVALID_FEATURES naming each request feature of a wrong type or range.
 */
export function lookUp(
  { steps }: Pick<FeatureLookup, "steps">,
  request: Values,
  views: readonly EntityView[],
  asOfMs: number,
  use?: RequestUse,
): Lookup {
  const values: (Scalar | undefined)[] = [];
  const status = new Map<string, FeatureStatus>();
  const details: ErrorDetail[] = [];
  for (const step of steps) {
    const index = values.length;
    const needed = use?.uses[index];
    if (needed === SKIPPED) {
      values.push(undefined);
      continue;
    }
    const found =
      needed === GIVEN
        ? givenValue(step, request, use?.inputNames[index] as string, details)
        : allowed(step, valueOf(step, request, views, asOfMs, values, details));
    if (typeof found === "object") {
      values.push(found.value);
      continue;
    }
    values.push(defaultOf(step));
    status.set(step.name, found);
  }
  if (details.length > 0)
    throw new EngineError("INVALID_FEATURES", `${details[0]?.field} ${details[0]?.message}`, { details });
  return { values, status };
}

type Found = { readonly value: Scalar } | FeatureStatus;

/** A value that was looked up is not served if its feature does not allow it: the caller could not mend it. */
function allowed(step: LookupStep, found: Found): Found {
  if (typeof found !== "object" || step.kind === "request") return found;
  return step.check(found.value) === undefined ? found : "invalid";
}

function valueOf(
  step: LookupStep,
  request: Values,
  views: readonly EntityView[],
  asOfMs: number,
  values: readonly (Scalar | undefined)[],
  details: ErrorDetail[],
): Found {
  switch (step.kind) {
    case "request": {
      const value = Object.hasOwn(request, step.name) ? request[step.name] : undefined;
      return value === undefined || value === null
        ? "missing"
        : givenValue(step, request, step.name, details);
    }
    case "online": {
      const view = views[step.entity];
      if (view === null || view?.has(step.key) === false) return "unavailable";
      const value = view?.value(step.field.id);
      if (view === undefined || value === undefined) return "missing";
      return asOfMs - view.eventMs(step.field.id) > step.ttlMs ? "stale" : { value };
    }
    case "window": {
      const view = views[step.entity];
      if (view === null || view?.has(step.key) === false) return "unavailable";
      const { aggregation } = step.feature;
      const value =
        view === undefined
          ? emptyWindow(aggregation)
          : windowValue(aggregation, step.column, view.window(step.column, asOfMs));
      return value === undefined ? "missing" : { value };
    }
    case "derived": {
      const value = applyDerived(
        step.feature,
        step.inputs.map((input) => values[input]),
      );
      return value === undefined ? "missing" : { value };
    }
  }
}

/** What the request says under `name`. A value in place of the store's is checked as the model's input, later. */
function givenValue(step: LookupStep, request: Values, name: string, details: ErrorDetail[]): Found {
  const value = request[name] as Scalar;
  const problem = step.kind === "request" ? step.check(value) : undefined;
  if (problem !== undefined) details.push({ field: `features.${name}`, message: problem });
  return { value };
}

function emptyWindow(aggregation: string): number | undefined {
  return aggregation === "count" || aggregation === "sum" || aggregation === "distinct_count" ? 0 : undefined;
}

/** Counts and sums that cannot be had are 0 unless the set says otherwise. */
function defaultOf({ feature }: LookupStep): Scalar | undefined {
  if (feature.default !== undefined) return feature.default;
  return feature.kind === "window" ? emptyWindow(feature.aggregation) : undefined;
}

/**
 * The `features` object of a whole request: what the request holds, and for the inputs it left open what was looked up. What
 * does not fit into its input is left open, and told in `found.status`.
 * A name that is neither an input nor a feature that others are derived from stays in it, for the plan to refuse.
 */
export function fillFeatures(lookup: FeatureLookup, request: Values, found: Lookup): Record<string, unknown> {
  const filled: Record<string, unknown> = {};
  for (const input of lookup.inputs) {
    const { name, step } = input;
    const given = Object.hasOwn(request, name) ? request[name] : undefined;
    const value =
      given ?? (step < 0 ? undefined : fittingValue(input, lookup.steps[step] as LookupStep, found));
    if (value !== undefined) filled[name] = value;
  }
  for (const name in request) if (!lookup.requestNames.has(name)) return withUnknown(lookup, filled, request);
  return filled;
}

function fittingValue(
  { step: index, takes }: LookupInput,
  step: LookupStep,
  { values, status }: Lookup,
): Scalar | undefined {
  const value = values[index];
  if (value === undefined || takes(value)) return value;
  if (!status.has(step.name)) status.set(step.name, "invalid");
  const fallback = defaultOf(step);
  return fallback !== undefined && takes(fallback) ? fallback : undefined;
}

/** The names come from outside: `__proto__` must become a name like any other, as it does here. */
function withUnknown(
  { requestNames }: FeatureLookup,
  filled: Values,
  request: Values,
): Record<string, unknown> {
  const unknown = Object.entries(request).filter(([name]) => !requestNames.has(name));
  return { ...filled, ...Object.fromEntries(unknown) };
}
