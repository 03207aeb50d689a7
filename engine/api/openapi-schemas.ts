/**
 * Zod schemas as JSON Schema of one OpenAPI document: what has an id stands once, under components, and is referred to.
 */
import { z } from "zod";

export type Json = Record<string, unknown>;

const DEFINITION = "#/$defs/";

export class SchemaBook {
  readonly #components = new Map<string, Json>();

  /** By name. */
  get components(): Json {
    return Object.fromEntries([...this.#components].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** @param io what a caller sends, or what it gets: defaults are filled in between. */
  toJson(schema: z.ZodType, io: "input" | "output"): Json {
    const holder = z.toJSONSchema(z.object({ it: schema }), {
      io,
      unrepresentable: "any",
      // of TypeScript here; in OpenAPI it says that nobody may send it
      override: ({ jsonSchema }) => delete jsonSchema.readOnly,
    });
    for (const [name, definition] of Object.entries(holder.$defs ?? {})) this.#define(name, definition);
    return referring(holder.properties?.["it"] ?? {}) as Json;
  }

  #define(name: string, definition: Json): void {
    const { id: _id, ...json } = referring(definition) as Json;
    const known = this.#components.get(name);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(json))
      throw new Error(
        `two schemas are called ${name}: one that is sent and one that is answered need two names`,
      );
    this.#components.set(name, json);
  }
}

/** The same with references into the document's components. */
function referring(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(referring);
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(
    Object.entries(json).map(([key, value]) => [
      key,
      key === "$ref" && typeof value === "string" && value.startsWith(DEFINITION)
        ? `#/components/schemas/${value.slice(DEFINITION.length)}`
        : referring(value),
    ]),
  );
}
