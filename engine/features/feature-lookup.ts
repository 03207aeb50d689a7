/**
 * How one model version gets its features: which entities it asks for, and what each input is made of.
 *
 * Compiled once per model version from its manifest and the feature sets that it names. A lookup is a list of steps, one
 * for each feature that is needed, in an order in which derived ones come after what they are derived from.
 */
import { durationMs } from "../core/duration.ts";
import { EngineError } from "../core/errors.ts";
import {
  createFeatureCheck,
  type DerivedFeature,
  type Feature,
  type FeatureCheck,
  type FeatureSet,
  featureSetKey,
  type OnlineFeature,
  type Scalar,
  type WindowFeature,
} from "../core/feature-set.ts";
import type { ModelManifest } from "../core/manifest.ts";
import type { ModelInput } from "../core/model-input.ts";
import { createInputCheck } from "../feature-plan.ts";
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
  /** In the feature status, like no other step's: of features with one name it tells the set too. A request feature's is its own. */
  readonly name: string;
  /** Whether a value is one of the feature. */
  readonly check: FeatureCheck;
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
  /** Whether a value fits: the model's range and categories may be narrower than the feature's, and float32 is. */
  readonly takes: (value: Scalar) => boolean;
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
    const takes = createInputCheck(input);
    if (feature === undefined) {
      inputs.push({ name, step: -1, isOptional, takes });
      continue;
    }
    const set = await find(feature.set, feature.version);
    inputs.push({ name, step: compiler.stepFor(set, input, feature.name ?? name), isOptional, takes });
  }
  const { entities } = compiler;
  const taken = new Set(inputs.map(({ step }) => step).filter((step) => step >= 0));
  const steps = compiler.named(taken);
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
 * The lookup of features of several sets. A name that is asked of two of them is told apart by its set: `set.name`, or
 * `set@version.name`.
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
  const indexes = new Set<number>();
  for (const { set, name } of all) {
    const count = indexes.size;
    if (indexes.add(compiler.stepNamed(set, name)).size === count)
      throw invalidRequest(`${featureSetKey(set)}:${name} is asked for twice`);
  }
  const names = compiler.namesOf([...indexes]);
  const features = [...indexes].map((step, index) => ({ name: names[index] as string, step }));
  return { entities: compiler.entities, steps: compiler.named(indexes), features };
}

class LookupCompiler {
  readonly entities: LookupEntity[] = [];
  readonly #steps: LookupStep[] = [];
  /** By step: the set of its feature. */
  readonly #sets: FeatureSet[] = [];
  readonly #indexes = new Map<string, number>();

  /** The steps so far. Those that are `asked` for have the names that they have without the others. */
  named(asked: ReadonlySet<number>): LookupStep[] {
    const names = this.namesOf([...this.#steps.keys()]);
    const indexes = [...asked];
    for (const [at, name] of this.namesOf(indexes).entries()) names[indexes[at] as number] = name;
    return this.#steps.map((step, index) => ({
      ...step,
      name: step.kind === "request" ? step.name : (names[index] as string), // two sets take it from one field
    }));
  }

  /** The name of each feature or, where several have that, with its set before it, and then with its set's version. */
  namesOf(indexes: readonly number[]): string[] {
    const qualified = (index: number, setName: (set: FeatureSet) => string): string =>
      `${setName(this.#sets[index] as FeatureSet)}.${this.#steps[index]?.feature.name}`;
    let names = indexes.map((index) => this.#steps[index]?.feature.name as string);
    for (const setName of [({ name }: FeatureSet) => name, featureSetKey]) {
      const uses = new Map<string, number>();
      for (const name of names) uses.set(name, (uses.get(name) ?? 0) + 1);
      names = names.map((name, at) =>
        (uses.get(name) ?? 0) > 1 ? qualified(indexes[at] as number, setName) : name,
      );
    }
    return names;
  }

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
    throw invalidRequest(`${featureSetKey(set)} has no feature "${name.slice(0, 128)}"`);
  }

  #step(set: FeatureSet, feature: Feature): number {
    const key = `${featureSetKey(set)} ${feature.name}`;
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    const step = this.#createStep(set, feature);
    this.#sets.push(set);
    const index = this.#steps.push(step) - 1;
    this.#indexes.set(key, index);
    return index;
  }

  #createStep(set: FeatureSet, feature: Feature): LookupStep {
    const common = { name: feature.name, check: createFeatureCheck(feature) };
    switch (feature.kind) {
      case "request":
        return { kind: "request", feature, ...common };
      case "online": {
        const ttlMs = durationMs(feature.ttl) as number;
        const field = keptField(set, feature);
        const key = fieldKey(set.entity.type, field.id);
        return { kind: "online", feature, ...common, entity: this.#entity(set), key, field, ttlMs };
      }
      case "window": {
        const column = columnsOf(set).get(feature.name) as Column;
        const key = columnKey(set.entity.type, column.id);
        return { kind: "window", feature, ...common, entity: this.#entity(set), key, column };
      }
      case "derived": {
        const inputs = feature.inputs.map((input) =>
          this.#step(set, set.features.find((one) => one.name === input) as Feature),
        );
        return { kind: "derived", feature, ...common, inputs };
      }
    }
  }

  #entity({ entity: { type, key } }: FeatureSet): number {
    const known = this.entities.findIndex((entity) => entity.type === type);
    return known >= 0 ? known : this.entities.push({ type, key }) - 1;
  }
}

/** A float32 blurs a time by a minute or two, and few times are among the integers that it holds. */
function fits(input: ModelInput["type"], feature: Feature["type"]): boolean {
  switch (feature) {
    case "int":
    case "timestamp":
      return input === feature || input === "float";
    case "category":
      return input === feature || input === "text";
    case "float":
    case "bool":
      return input === feature;
  }
}

function invalidRequest(message: string): EngineError {
  return new EngineError("INVALID_REQUEST", message, { details: [{ field: "features", message }] });
}

function invalid(field: string, message: string): EngineError {
  return new EngineError("MODEL_INVALID", `model.json: ${field}: ${message}`, {
    details: [{ field, message }],
  });
}
