/**
 * Values that a JSON Schema describes, and values that are nearly so: for requests that nobody thought of.
 *
 * Texts are drawn from a pool of those that mean something to the engine, where one fits the pattern, else made up. All follows
 * from the random numbers. Bound: DEPTH_MAX levels, ITEMS_MAX items.
 */
import type { FindSchema } from "./json-schema.ts";
import type { Random } from "./random.ts";

type Json = Readonly<Record<string, unknown>>;

const DEPTH_MAX = 8;
const ITEMS_MAX = 3;
const TEXTS = [
  "card-fraud",
  "card",
  "merchant",
  "a",
  "1.0.0",
  "production",
  "card-fraud@1.0.0",
  "fast",
  "slow",
  "drift-incident",

  "30s",
  "10m",
  "1h",
  "24h",
  "7d",
  "2026-01-01T00:00:00Z",
  "2026-01-01T00:00:00.000Z",
  "2100-01-01",
  "0",
  "1790000000000",

  "roc_auc",
  "drift.psi",
  "amount",
  "hour",
  "AAAA",
  "@daily",
  "UTC",
  "select 1",
  "",
  " ",
  "\u0000",
  "%",
  "../x",
  "🎈",
  "__proto__",

  "00000000-0000-4000-8000-000000000000",
  "0".repeat(64),
  "0".repeat(32),
  "x".repeat(129),
  "é".repeat(600),
  "constructor",
];
const NUMBERS = [
  0,
  1,
  -1,
  0.5,
  2,
  10,
  100,
  1e3,
  1e6,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  1e21,
  1e308,
  -1e308,
  5e-324,
  4e12,
  8.64e15,
  8.64e15 + 1,
];
const ODD = [
  null,
  true,
  "",
  0,
  -1,
  1e308,
  [],
  {},
  [[]],
  { a: { b: [null] } },
  "x".repeat(5000),
  "\ud800",
  "\u0000",
];

export function pick<T>(random: Random, all: readonly T[]): T {
  return all[random.between(0, all.length - 1)] as T;
}

/** A value that fits, but for what only the engine knows. */
export function schemaValue(random: Random, schema: Json, find: FindSchema, depth = 0): unknown {
  const { $ref, enum: options, type } = schema;
  if (typeof $ref === "string") return schemaValue(random, find($ref), find, depth);
  if (Object.hasOwn(schema, "const")) return schema["const"];
  if (Array.isArray(options)) return pick(random, options);
  const union = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(union)) return schemaValue(random, pick(random, union) as Json, find, depth);
  switch (Array.isArray(type) ? pick(random, type) : type) {
    case "string":
      return text(random, schema);
    case "number":
    case "integer":
      return numberOf(random, schema);
    case "boolean":
      return random.next() < 0.5;
    case "null":
      return null;
    case "array":
      return list(random, schema, find, depth);
    case "object":
      return objectOf(random, schema, find, depth);
    default:
      return pick(random, [...ODD, ...TEXTS, ...NUMBERS]);
  }
}

/** The value with one thing in it that is otherwise. */
export function spoiled(random: Random, value: unknown): unknown {
  const isNested = typeof value === "object" && value !== null && Object.keys(value).length > 0;
  if (!isNested || random.next() < 0.1) return pick(random, [...ODD, ...NUMBERS]);
  if (Array.isArray(value)) {
    const at = random.between(0, value.length - 1);
    return pick(random, [
      value.with(at, spoiled(random, value[at])),
      [...value, value[at]],
      value.toSpliced(at, 1),
    ]);
  }
  const name = pick(random, Object.keys(value));
  const { [name]: former, ...others } = value as Record<string, unknown>;
  return pick<unknown>(random, [
    others,
    { ...value, [name]: spoiled(random, former) },
    { ...value, [name]: spoiled(random, former) },
    { ...value, [pick(random, TEXTS)]: former },
  ]);
}

function text(
  random: Random,
  { pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY }: Json,
): string {
  const fits = (one: string): boolean =>
    (typeof pattern !== "string" || new RegExp(pattern, "u").test(one)) &&
    one.length >= Number(minLength) &&
    one.length <= Number(maxLength);
  const fitting = TEXTS.filter(fits);
  if (fitting.length > 0 && random.next() < 0.9) return pick(random, fitting);
  const length = Math.min(Number(maxLength), Math.max(Number(minLength), random.between(0, 40)));
  return Array.from({ length }, () => String.fromCodePoint(random.between(1, 0x2ff))).join("");
}

function numberOf(random: Random, schema: Json): number {
  const low = Number(schema["minimum"] ?? schema["exclusiveMinimum"] ?? -Number.MAX_SAFE_INTEGER);
  const high = Number(schema["maximum"] ?? schema["exclusiveMaximum"] ?? Number.MAX_SAFE_INTEGER);
  const edges = [low, high, ...NUMBERS].filter((one) => one >= low && one <= high);
  const made = random.next() < 0.7 ? pick(random, edges) : low + random.next() * (high - low);
  return [schema["type"]].flat().includes("integer") ? Math.round(made) : made;
}

function list(random: Random, schema: Json, find: FindSchema, depth: number): unknown[] {
  const heads = (schema["prefixItems"] ?? []) as Json[];
  const made = heads.map((head) => schemaValue(random, head, find, depth + 1));
  if (typeof schema["items"] !== "object" || depth >= DEPTH_MAX) return made;
  const least = Number(schema["minItems"] ?? 0);
  const count = Math.max(
    least,
    Math.min(Number(schema["maxItems"] ?? ITEMS_MAX), random.between(0, ITEMS_MAX)),
  );
  const items = schema["items"] as Json;
  return Array.from({ length: count }, () => schemaValue(random, items, find, depth + 1));
}

function objectOf(random: Random, schema: Json, find: FindSchema, depth: number): Record<string, unknown> {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Json>);
  const required = new Set((schema["required"] ?? []) as string[]);
  const made = properties
    .filter(([name]) => required.has(name) || (depth < DEPTH_MAX && random.next() < 0.3))
    .map(([name, inner]): [string, unknown] => [name, schemaValue(random, inner, find, depth + 1)]);
  const rest = schema["additionalProperties"];
  if (typeof rest === "object" && rest !== null && depth < DEPTH_MAX)
    for (let count = random.between(0, 2); count > 0; count--)
      made.push([pick(random, TEXTS), schemaValue(random, rest as Json, find, depth + 1)]);
  return Object.fromEntries(made);
}
