/**
 * What a caller needs to know of a model version: its card (`GET /model/info`) and the JSON Schema of its request
 * (`GET /model/schema`), whose example can be posted back as it is.
 */
import type { ModelManifest } from "./core/manifest.ts";
import { isOptional, type ModelInput, maxLengthOf, problemWith } from "./core/model-input.ts";
import { FEATURES_MAX, type PreprocessingStep } from "./core/preprocessing.ts";
import { TIMESTAMP_FORM } from "./core/timestamp.ts";
import type { FeatureLookup } from "./features/feature-lookup.ts";

type Json = Record<string, unknown>;

/**
 * A value that the input allows: its example, else its default, else one that an encoder has seen in it, else one made
 * from its range or categories.
 */
export function exampleOf(
  input: ModelInput,
  steps: readonly PreprocessingStep[] = [],
): string | number | boolean {
  if (input.example !== undefined) return input.example;
  if (input.default !== undefined) return input.default;
  const seen = seenValueOf(input, steps);
  if (seen !== undefined) return seen;
  switch (input.type) {
    case "bool":
      return false;
    case "category":
      return input.categories[0] ?? "";
    case "int":
      return Math.fround(Math.ceil(withinRange(input.min, input.max))); // what is allowed is exact in float32
    case "float":
      return withinRange(input.min, input.max);
    case "text":
      return "";
    case "timestamp":
      return "2026-01-01T00:00:00Z";
  }
}

/** The first value that the first step which encodes the input has learned and the input takes. */
function seenValueOf(input: ModelInput, steps: readonly PreprocessingStep[]): string | number | undefined {
  for (const step of steps) {
    const values =
      "categories" in step ? step.categories : step.type === "tfidf_vectorizer" ? [step.vocabulary] : [];
    const at = "columns" in step ? step.columns.indexOf(input.name) : -1;
    const found = values[at]?.find((value) => problemWith(input, value) === undefined);
    if (found !== undefined && found !== null) return found;
  }
  return undefined;
}

function withinRange(min: number | undefined, max: number | undefined): number {
  if (min !== undefined && max !== undefined) return min + (max - min) / 2;
  return min ?? max ?? 0;
}

/** The features object that `GET /model/schema` shows. */
export function exampleFeatures(manifest: ModelManifest): Record<string, string | number | boolean> {
  return Object.fromEntries(
    manifest.inputs.map((input) => [input.name, exampleOf(input, manifest.preprocessing)]),
  );
}

/** JSON Schema (draft 2020-12) of the body of POST /predict for this model version. */
export function requestSchema(manifest: ModelManifest, lookup?: FeatureLookup): Json {
  const entities = entitySchemas(lookup);
  const required = manifest.inputs.filter((input) => !isOptional(input)).map((input) => input.name);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: `Prediction request for ${manifest.name} ${manifest.version}`,
    type: "object",
    properties: {
      model: { type: "string", const: manifest.name },
      version: { type: "string", description: "a version or an alias; default: production" },
      request_id: { type: "string", maxLength: 128 },
      entity_id: { type: "string", maxLength: 128 },
      ...entities.properties,
      timeout_ms: { type: "number", exclusiveMinimum: 0, maximum: 600_000 },
      explain: {
        type: ["boolean", "integer"],
        minimum: 1,
        maximum: FEATURES_MAX,
        description:
          "true: the answer tells what its most important features contribute; a number: that many of them",
      },
      features: {
        type: "object",
        properties: {
          ...requestFeatureSchemas(lookup),
          ...Object.fromEntries(manifest.inputs.map((input) => [input.name, inputSchema(input)])),
        },
        required,
        additionalProperties: false,
      },
    },
    required: ["features"],
    ...entities.condition,
    additionalProperties: false,
    examples: [{ model: manifest.name, ...entities.example, features: exampleFeatures(manifest) }],
  };
}

interface EntitySchemas {
  readonly properties: Json;
  readonly condition: Json;
  readonly example: Json;
}

/** One entity is named by entity_id, several by `entities`; none has to be when the request gives all features itself. */
function entitySchemas(lookup: FeatureLookup | undefined): EntitySchemas {
  const entities = lookup?.entities ?? [];
  if (entities.length === 0) return { properties: {}, condition: {}, example: {} };
  const [first] = entities;
  if (entities.length === 1 && first !== undefined) {
    const description = `the ${first.type} whose features the model takes`;
    const schema = { type: "string", minLength: 1, maxLength: 128, description };
    return {
      properties: { entity_id: schema },
      condition: namedOrGiven("entity_id", lookup),
      example: { entity_id: "example" },
    };
  }
  const keys = entities.map(({ key }) => key);
  const properties = entities.map(({ key, type }) => [
    key,
    {
      type: "string",
      minLength: 1,
      maxLength: 128,
      description: `the ${type} whose features the model takes`,
    },
  ]);
  return {
    properties: { entities: { type: "object", properties: Object.fromEntries(properties) } },
    condition: namedOrGiven("entities", lookup),
    example: { entities: Object.fromEntries(keys.map((key) => [key, "example"])) },
  };
}

function namedOrGiven(field: string, lookup: FeatureLookup | undefined): Json {
  const required = lookup?.inputs.filter(({ step }) => step >= 0).map(({ name }) => name);
  return { anyOf: [{ required: [field] }, { properties: { features: { required } } }] };
}

/** Features that the request holds for those that are derived from them. */
function requestFeatureSchemas(lookup: FeatureLookup | undefined): Json {
  const schemas: Json = {};
  for (const { kind, feature } of lookup?.steps ?? []) {
    if (kind !== "request") continue;
    schemas[feature.name] = {
      type: REQUEST_TYPES[feature.type],
      ...(feature.min === undefined ? {} : { minimum: feature.min }),
      ...(feature.max === undefined ? {} : { maximum: feature.max }),
      ...(feature.categories === undefined ? {} : { enum: feature.categories }),
      ...(feature.description === undefined ? {} : { description: feature.description }),
    };
  }
  return schemas;
}

const REQUEST_TYPES = {
  float: "number",
  int: "integer",
  bool: "boolean",
  category: "string",
  timestamp: "number",
} as const;

function inputSchema(input: ModelInput): Json {
  const schema: Json = typeSchema(input);
  if (input.nullable === true) {
    schema["type"] = [schema["type"], "null"].flat();
    if (input.type === "category") schema["enum"] = [...input.categories, null];
  }
  const { feature } = input;
  const source =
    feature === undefined
      ? undefined
      : `looked up as ${feature.name ?? input.name} of ${feature.set} ${feature.version} unless given`;
  const description = [input.description, source].filter((part) => part !== undefined).join("; ");
  if (description !== "") schema["description"] = description;
  if (input.default !== undefined) schema["default"] = input.default;
  return schema;
}

function typeSchema(input: ModelInput): Json {
  switch (input.type) {
    case "bool":
      return { type: "boolean" };
    case "category":
      return { type: "string", enum: input.categories };
    case "text":
      return { type: "string", maxLength: maxLengthOf(input) };
    case "timestamp":
      return { type: ["string", "number"], description: TIMESTAMP_FORM };
    case "int":
    case "float": {
      const schema: Json = { type: input.type === "int" ? "integer" : "number" };
      if (input.min !== undefined) schema["minimum"] = input.min;
      if (input.max !== undefined) schema["maximum"] = input.max;
      return schema;
    }
  }
}
