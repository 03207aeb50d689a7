/**
 * The OpenAPI 3.1 description of a table of routes. Pure: nothing is in it that a route does not say of itself.
 */
import { z } from "zod";
import { VERSION } from "../version.ts";
import type { Route } from "./http-server.ts";
import { type DescribedError, errorsOf } from "./openapi-errors.ts";
import { type Json, SchemaBook } from "./openapi-schemas.ts";
import { type Content, TAGS } from "./route-description.ts";

export function openApi(routes: readonly Route[]): Json {
  const book = new SchemaBook();
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = (paths[templateOf(route.path)] ??= {});
    path[route.method] = operation(route, book);
  }
  const used = new Set(routes.map(({ describes }) => describes.tag));
  return {
    openapi: "3.1.1",
    info: {
      title: "Millrace",
      version: VERSION,
      description:
        "A streaming prediction engine: predictions over HTTP, and all that belongs to models that serve.",
      license: { name: "Apache 2.0", identifier: "Apache-2.0" },
    },
    tags: Object.entries(TAGS)
      .filter(([name]) => used.has(name as keyof typeof TAGS))
      .map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: book.components },
  };
}

/** As people list them: `GET /models/{name}?hours=&version=`. */
export function endpointsOf(routes: readonly Route[]): string[] {
  return routes.map(({ method, path, describes: { query } }) => {
    const names = Object.keys(query?.shape ?? {}).map((name) => `${name}=`);
    const asked = names.length === 0 ? "" : `?${names.join("&")}`;
    return `${method.toUpperCase()} ${templateOf(path)}${asked}`;
  });
}

/** /models/:name becomes /models/{name}. */
export function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)/g, "{$1}");
}

function operation(route: Route, book: SchemaBook): Json {
  const { tag, summary, body, answers } = route.describes;
  const responses: Record<string, Json> = {};
  for (const [status, content] of Object.entries(answers))
    responses[status] = {
      description: STATUS_TEXTS[status] ?? "Answered",
      content: contentOf(content, book, "output"),
    };
  for (const error of errorsOf(route))
    responses[error.status] = withError(responses[error.status], error, book);
  const parameters = parametersOf(route, book);
  return {
    operationId: operationId(route),
    tags: [tag],
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: requestBody(body, book) }),
    responses,
  };
}

const STATUS_TEXTS: Readonly<Record<string, string>> = {
  101: "Connected; what is sent then",
  200: "Done",
  201: "Created",
  202: "Accepted: it is worked on",
  503: "Not now",
};

/** An error of a status that a route also answers with a body of its own stands beside that. */
function withError(
  own: Json | undefined,
  { status, codes, body, hasRetryAfter }: DescribedError,
  book: SchemaBook,
): Json {
  const schema = book.toJson(body, "output");
  const former = (own?.["content"] as Record<string, { schema: Json }> | undefined)?.["application/json"]
    ?.schema;
  return {
    description: codes.join(", "),
    ...(status === 405
      ? { headers: { Allow: headerOf("methods that the path takes", { type: "string" }) } }
      : {}),
    ...(hasRetryAfter && own === undefined
      ? { headers: { "Retry-After": headerOf("seconds to wait", { type: "integer", minimum: 0 }) } }
      : {}),
    content: { "application/json": { schema: former === undefined ? schema : { anyOf: [former, schema] } } },
  };
}

function headerOf(description: string, schema: Json): Json {
  return { description, required: true, schema };
}

function operationId({ method, path }: Route): string {
  const words = path
    .replace(/.\/$/, "$&slash")
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== "");
  return [method, ...words.map((word) => word[0]?.toUpperCase() + word.slice(1))].join("");
}

function parametersOf({ path, describes }: Route, book: SchemaBook): Json[] {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) =>
    parameter("path", name, describes.path?.[name] ?? z.string().min(1), book),
  );
  const inQuery = Object.entries(describes.query?.shape ?? {}).map(([name, schema]) =>
    parameter("query", name, schema as z.ZodType, book),
  );
  const inHeader = Object.entries(describes.headers?.shape ?? {}).map(([name, schema]) =>
    parameter("header", name, schema as z.ZodType, book),
  );
  return [...inPath, ...inQuery, ...inHeader];
}

function parameter(
  place: "path" | "query" | "header",
  name: string,
  schema: z.ZodType,
  book: SchemaBook,
): Json {
  const { description, ...json } = book.toJson(schema, "input");
  return {
    name,
    in: place,
    required: place === "path" || !schema.safeParse(undefined).success,
    ...(description === undefined ? {} : { description }),
    schema: json,
  };
}

/** No body counts as {}. */
function requestBody(body: Content, book: SchemaBook): Json {
  const required = !(body instanceof z.ZodType) || !body.safeParse({}).success;
  return { required, content: contentOf(body, book, "input") };
}

function contentOf(content: Content, book: SchemaBook, io: "input" | "output"): Json {
  const byType = content instanceof z.ZodType ? { "application/json": content } : content;
  return Object.fromEntries(
    Object.entries(byType).map(([type, schema]) => [type, { schema: book.toJson(schema, io) }]),
  );
}
