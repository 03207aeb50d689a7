/**
 * The part of JSON Schema (draft 2020-12) that the engine's description uses, checked without any schema library: what tests hold
 * real answers against. A keyword that is not known fails: nothing is passed over.
 */

type Json = Readonly<Record<string, unknown>>;
/** Finds what a $ref names. */
export type FindSchema = (reference: string) => Json;

const ANNOTATIONS = new Set([
  "description",
  "default",
  "format",
  "title",
  "contentEncoding",
  "examples",
  "$schema",
]);

/** What is wrong, each with its path; none for a value that fits. */
export function schemaProblems(value: unknown, schema: Json, find: FindSchema, path = "$"): string[] {
  return Object.entries(schema).flatMap(([keyword, limit]) => {
    if (ANNOTATIONS.has(keyword)) return [];
    const check = CHECKS[keyword];
    if (check === undefined) return [`${path}: the keyword ${keyword} is not known here`];
    return check({
      value,
      limit,
      schema,
      path,
      deeper: (one, inner, step) => schemaProblems(one, inner, find, step),
      find,
    });
  });
}

interface Question {
  readonly value: unknown;
  readonly limit: unknown;
  readonly schema: Json;
  readonly path: string;
  readonly find: FindSchema;
  readonly deeper: (value: unknown, schema: Json, path: string) => string[];
}

const CHECKS: Readonly<Record<string, (question: Question) => string[]>> = {
  $ref: ({ value, limit, path, find, deeper }) => deeper(value, find(String(limit)), path),
  type: ({ value, limit, path }) =>
    [limit].flat().some((type) => isOfType(value, String(type)))
      ? []
      : [`${path}: ${shown(value)} is no ${shown(limit)}`],
  const: ({ value, limit, path }) =>
    value === limit ? [] : [`${path}: ${shown(value)} is not ${shown(limit)}`],
  enum: ({ value, limit, path }) =>
    (limit as unknown[]).includes(value) ? [] : [`${path}: ${shown(value)} is none of ${shown(limit)}`],
  anyOf: ({ value, limit, path, deeper }) => unionProblems(limit as Json[], 1, value, path, deeper),
  oneOf: ({ value, limit, path, deeper }) => unionProblems(limit as Json[], 0, value, path, deeper),
  allOf: ({ value, limit, path, deeper }) => (limit as Json[]).flatMap((inner) => deeper(value, inner, path)),
  properties: ({ value, limit, path, deeper }) =>
    Object.entries(limit as Json).flatMap(([name, inner]) =>
      isObject(value) && Object.hasOwn(value, name)
        ? deeper(value[name], inner as Json, `${path}.${name}`)
        : [],
    ),
  required: ({ value, limit, path }) =>
    (limit as string[])
      .filter((name) => isObject(value) && !Object.hasOwn(value, name))
      .map((name) => `${path}: ${name} is missing`),
  additionalProperties: ({ value, limit, schema, path, deeper }) =>
    Object.keys(isObject(value) ? value : {})
      .filter((name) => !Object.hasOwn((schema["properties"] ?? {}) as Json, name))
      .flatMap((name) =>
        limit === false
          ? [`${path}: ${name} is not described`]
          : deeper((value as Json)[name], limit as Json, `${path}.${name}`),
      ),
  propertyNames: ({ value, limit, path, deeper }) =>
    Object.keys(isObject(value) ? value : {}).flatMap((name) =>
      deeper(name, limit as Json, `${path}.${name} (name)`),
    ),
  maxProperties: ({ value, limit, path }) =>
    isObject(value) && Object.keys(value).length > Number(limit)
      ? [`${path}: more than ${shown(limit)} properties`]
      : [],
  prefixItems: ({ value, limit, path, deeper }) =>
    Array.isArray(value)
      ? (limit as Json[]).flatMap((inner, at) =>
          at < value.length ? deeper(value[at], inner, `${path}.${at}`) : [],
        )
      : [],
  items: ({ value, limit, schema, path, deeper }) => {
    const from = ((schema["prefixItems"] ?? []) as unknown[]).length;
    const rest = Array.isArray(value) ? value.slice(from) : [];
    if (limit === false) return rest.length === 0 ? [] : [`${path}: more than ${from} items`];
    return rest.flatMap((one, at) => deeper(one, limit as Json, `${path}.${from + at}`));
  },
  minItems: ({ value, limit, path }) =>
    Array.isArray(value) && value.length < Number(limit) ? [`${path}: fewer than ${shown(limit)} items`] : [],
  maxItems: ({ value, limit, path }) =>
    Array.isArray(value) && value.length > Number(limit) ? [`${path}: more than ${shown(limit)} items`] : [],
  minLength: ({ value, limit, path }) =>
    typeof value === "string" && charactersOf(value) < Number(limit)
      ? [`${path}: ${shown(value)} is too short`]
      : [],
  maxLength: ({ value, limit, path }) =>
    typeof value === "string" && charactersOf(value) > Number(limit)
      ? [`${path}: ${shown(value)} is too long`]
      : [],
  pattern: ({ value, limit, path }) =>
    typeof value === "string" && !new RegExp(String(limit), "u").test(value)
      ? [`${path}: ${shown(value)} does not match ${shown(limit)}`]
      : [],
  minimum: ({ value, limit, path }) => outOf(path, value, typeof value === "number" && value < Number(limit)),
  maximum: ({ value, limit, path }) => outOf(path, value, typeof value === "number" && value > Number(limit)),
  exclusiveMinimum: ({ value, limit, path }) =>
    outOf(path, value, typeof value === "number" && value <= Number(limit)),
  exclusiveMaximum: ({ value, limit, path }) =>
    outOf(path, value, typeof value === "number" && value >= Number(limit)),
};

/** @param surplus 1 when more than one may fit. */
function unionProblems(
  schemas: readonly Json[],
  surplus: 0 | 1,
  value: unknown,
  path: string,
  deeper: Question["deeper"],
): string[] {
  const found = schemas.map((inner) => deeper(value, inner, path));
  const fitting = found.filter((problems) => problems.length === 0).length;
  if (fitting === 1 || (fitting > 1 && surplus === 1)) return [];
  return [`${path}: fits ${fitting} of ${schemas.length} schemas`, ...found.flat()];
}

/** Code points, as JSON Schema counts. */
function charactersOf(text: string): number {
  return Array.from(text).length;
}

function outOf(path: string, value: unknown, isOut: boolean): string[] {
  return isOut ? [`${path}: ${shown(value)} is out of range`] : [];
}

function isOfType(value: unknown, type: string): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  if (type === "integer") return Number.isInteger(value);
  return typeof value === type;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? "undefined").slice(0, 120);
}
