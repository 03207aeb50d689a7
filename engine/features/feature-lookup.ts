/**
 * How one model version gets its features: which entities it asks for, and what each input is made of.
 *
 * Compiled once per model version from its manifest and the feature sets that it names. A lookup is a list of steps, one
 * for each feature that is needed, in an order in which derived ones come after what they are derived from.
 */
import { durationMs } from "../core/duration.ts";
import { EngineError } from "../core/errors.ts";
import {
  type DerivedFeature,
  type Feature,
  type FeatureSet,
  featureSetKey,
  type OnlineFeature,
  type WindowFeature,
} from "../core/feature-set.ts";
import type { ModelManifest } from "../core/manifest.ts";
import type { ModelInput } from "../core/model-input.ts";
import type { Column } from "./column.ts";
import { columnsOf, type KeptField, keptField } from "./column-plan.ts";
import { columnKey, fieldKey } from "./known-columns.ts";

/** An entity that a request must name. */
export interface LookupEntity {
  readonly type: string;
  readonly key: string;
}

interface StepOf<F extends Feature> {
  readonly feature: F;
  /** Name of the step in a prediction's feature status. */
  readonly name: string;
}

export type LookupStep =
  | ({ readonly kind: "request" } & StepOf<Feature>)
  | ({
      readonly kind: "online";
      readonly entity: number;
      /** Of the field or column, see known-columns. */
      readonly key: string;
      readonly field: KeptField;
      readonly ttlMs: number;
    } & StepOf<OnlineFeature>)
  | ({
      readonly kind: "window";
      readonly entity: number;
      readonly key: string;
      readonly column: Column;
    } & StepOf<WindowFeature>)
  | ({ readonly kind: "derived"; readonly inputs: readonly number[] } & StepOf<DerivedFeature>);

export interface LookupInput {
  readonly name: string;
  /** Index of the step that gives its value; -1 when only the request does. */
  readonly step: number;
  /** Whether the model does without: the input has a default, or may be missing. */
  readonly isOptional: boolean;
}

export interface FeatureLookup {
  readonly entities: readonly LookupEntity[];
  readonly steps: readonly LookupStep[];
  /** The model's inputs, in order. */
  readonly inputs: readonly LookupInput[];
  /** By step: the input that takes its value, if one does. */
  readonly inputNames: readonly (string | undefined)[];
  /** What a request may hold: inputs, and features that others are derived from. */
  readonly requestNames: ReadonlySet<string>;
}

export type FindFeatureSet = (name: string, version: string) => Promise<FeatureSet>;

/**
 * The lookup of a model version; undefined when its inputs name no feature.
 * @throws EngineError MODEL_INVALID naming the input whose feature is not there or has another type, and what `find` throws.
 */
export async function compileLookup(
  manifest: ModelManifest,
  find: FindFeatureSet,
): Promise<FeatureLookup | undefined> {
  if (manifest.inputs.every(({ feature }) => feature === undefined)) return undefined;
  const compiler = new LookupCompiler();
  const inputs: LookupInput[] = [];
  for (const input of manifest.inputs) {
    const { name, feature } = input;
    const isOptional = input.default !== undefined || input.nullable === true;
    if (feature === undefined) {
      inputs.push({ name, step: -1, isOptional });
      continue;
    }
    const set = await find(feature.set, feature.version);
    inputs.push({ name, step: compiler.stepFor(set, input, feature.name ?? name), isOptional });
  }
  const { entities, steps } = compiler;
  const requested = steps.filter(({ kind }) => kind === "request").map(({ feature }) => feature.name);
  const requestNames = new Set([...manifest.inputs.map(({ name }) => name), ...requested]);
  const inputNames = steps.map((_, index) => inputs.find(({ step }) => step === index)?.name);
  return { entities, steps, inputs, inputNames, requestNames };
}

/** What it takes to look features up, outside of a model. */
export interface SetLookup {
  readonly entities: readonly LookupEntity[];
  readonly steps: readonly LookupStep[];
  /** The features asked for, in order, and the step of each. */
  readonly features: readonly Pick<LookupInput, "name" | "step">[];
}

/**
 * The lookup of features of a set by name; all that are not sent by the caller when `names` is undefined.
 * @throws EngineError INVALID_REQUEST naming a feature that the set does not have.
 */
export function compileSetLookup(set: FeatureSet, names?: readonly string[]): SetLookup {
  return compileSetsLookup([{ set, names }]);
}

/** Features of one set. */
export interface AskedFeatures {
  readonly set: FeatureSet;
  /** All that are not sent by the caller when undefined. */
  readonly names: readonly string[] | undefined;
}

/**
 * The lookup of features of several sets. A name that is asked of two of them is told apart by its set: `set.name`.
 * @throws EngineError INVALID_REQUEST naming a feature that its set does not have, or that is asked for twice.
 */
export function compileSetsLookup(asked: readonly AskedFeatures[]): SetLookup {
  const compiler = new LookupCompiler();
  const all = asked.flatMap(({ set, names }) =>
    (names ?? set.features.filter(({ kind }) => kind !== "request").map(({ name }) => name)).map((name) => ({
      set,
      name,
    })),
  );
  const uses = new Map<string, number>();
  for (const { name } of all) uses.set(name, (uses.get(name) ?? 0) + 1);
  const features = all.map(({ set, name }) => ({
    name: asked.length > 1 && (uses.get(name) ?? 0) > 1 ? `${set.name}.${name}` : name,
    step: compiler.stepNamed(set, name),
  }));
  const { entities, steps } = compiler;
  return { entities, steps, features };
}

class LookupCompiler {
  readonly entities: LookupEntity[] = [];
  readonly steps: LookupStep[] = [];
  readonly #indexes = new Map<string, number>();

  stepFor(set: FeatureSet, input: ModelInput, name: string): number {
    const feature = set.features.find((one) => one.name === name);
    const at = `inputs.${input.name}.feature`;
    if (feature === undefined) throw invalid(at, `${featureSetKey(set)} has no feature "${name}"`);
    if (!fits(input.type, feature.type))
      throw invalid(at, `${name} of ${featureSetKey(set)} is ${feature.type}, the input ${input.type}`);
    return this.#step(set, feature);
  }

  stepNamed(set: FeatureSet, name: string): number {
    const feature = set.features.find((one) => one.name === name);
    if (feature !== undefined) return this.#step(set, feature);
    const message = `${featureSetKey(set)} has no feature "${name.slice(0, 128)}"`;
    throw new EngineError("INVALID_REQUEST", message, { details: [{ field: "features", message }] });
  }

  #step(set: FeatureSet, feature: Feature): number {
    const key = `${featureSetKey(set)} ${feature.name}`;
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    const step = this.#createStep(set, feature);
    this.steps.push(step);
    this.#indexes.set(key, this.steps.length - 1);
    return this.steps.length - 1;
  }

  #createStep(set: FeatureSet, feature: Feature): LookupStep {
    const { name } = feature;
    switch (feature.kind) {
      case "request":
        return { kind: "request", feature, name };
      case "online": {
        const ttlMs = durationMs(feature.ttl) as number;
        const field = keptField(set, feature);
        const key = fieldKey(set.entity.type, field.id);
        return { kind: "online", feature, name, entity: this.#entity(set), key, field, ttlMs };
      }
      case "window": {
        const column = columnsOf(set).get(name) as Column;
        const key = columnKey(set.entity.type, column.id);
        return { kind: "window", feature, name, entity: this.#entity(set), key, column };
      }
      case "derived": {
        const inputs = feature.inputs.map((input) =>
          this.#step(set, set.features.find((one) => one.name === input) as Feature),
        );
        return { kind: "derived", feature, name, inputs };
      }
    }
  }

  #entity({ entity: { type, key } }: FeatureSet): number {
    const known = this.entities.findIndex((entity) => entity.type === type);
    return known >= 0 ? known : this.entities.push({ type, key }) - 1;
  }
}

function fits(input: ModelInput["type"], feature: Feature["type"]): boolean {
  switch (feature) {
    case "float":
      return input === "float";
    case "int":
    case "timestamp":
      return input === "float" || input === "int";
    case "bool":
    case "category":
      return input === feature;
  }
}

function invalid(field: string, message: string): EngineError {
  return new EngineError("MODEL_INVALID", `model.json: ${field}: ${message}`, {
    details: [{ field, message }],
  });
}
