/**
 * What a caller needs to know of a model version: its card (`GET /model/info`) and the JSON Schema of its request
 * (`GET /model/schema`), whose example can be posted back as it is.
 */
import type { ModelInput, ModelManifest } from "./core/manifest.ts";

type Json = Record<string, unknown>;

/** A value that the input allows: its example, else its default, else one made from its range or categories. */
export function exampleOf(input: ModelInput): string | number | boolean {
  if (input.example !== undefined) return input.example;
  if (input.default !== undefined) return input.default;
  switch (input.type) {
    case "bool":
      return false;
    case "category":
      return input.categories[0] ?? "";
    case "int":
      return Math.fround(Math.ceil(withinRange(input.min, input.max))); // what is allowed is exact in float32
    case "float":
      return withinRange(input.min, input.max);
  }
}

function withinRange(min: number | undefined, max: number | undefined): number {
  if (min !== undefined && max !== undefined) return min + (max - min) / 2;
  return min ?? max ?? 0;
}

/** The features object that `GET /model/schema` shows. */
export function exampleFeatures(manifest: ModelManifest): Record<string, string | number | boolean> {
  return Object.fromEntries(manifest.inputs.map((input) => [input.name, exampleOf(input)]));
}

/** JSON Schema (draft 2020-12) of the body of POST /predict for this model version. */
export function requestSchema(manifest: ModelManifest): Json {
  const required = manifest.inputs.filter((input) => input.default === undefined).map((input) => input.name);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: `Prediction request for ${manifest.name} ${manifest.version}`,
    type: "object",
    properties: {
      model: { type: "string", const: manifest.name },
      version: { type: "string", description: "a version or an alias; default: production" },
      request_id: { type: "string", maxLength: 128 },
      entity_id: { type: "string", maxLength: 128 },
      timeout_ms: { type: "number", exclusiveMinimum: 0, maximum: 600_000 },
      features: {
        type: "object",
        properties: Object.fromEntries(manifest.inputs.map((input) => [input.name, inputSchema(input)])),
        required,
        additionalProperties: false,
      },
    },
    required: ["features"],
    additionalProperties: false,
    examples: [{ model: manifest.name, features: exampleFeatures(manifest) }],
  };
}

function inputSchema(input: ModelInput): Json {
  const schema: Json = { ...typeSchema(input) };
  if (input.description !== undefined) schema["description"] = input.description;
  if (input.default !== undefined) schema["default"] = input.default;
  return schema;
}

function typeSchema(input: ModelInput): Json {
  switch (input.type) {
    case "bool":
      return { type: "boolean" };
    case "category":
      return { type: "string", enum: input.categories };
    case "int":
    case "float": {
      const schema: Json = { type: input.type === "int" ? "integer" : "number" };
      if (input.min !== undefined) schema["minimum"] = input.min;
      if (input.max !== undefined) schema["maximum"] = input.max;
      return schema;
    }
  }
}
