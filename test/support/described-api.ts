/**
 * An engine's own description, and whether its answers are as described.
 */
import assert from "node:assert/strict";
import type { Route } from "../../engine/api/http-server.ts";
import { openApi } from "../../engine/api/openapi.ts";
import { type FindSchema, schemaProblems } from "./json-schema.ts";

type Json = Readonly<Record<string, unknown>>;

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Json }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Json }>> };
  readonly responses: Readonly<
    Record<
      string,
      { readonly description: string; readonly content?: Readonly<Record<string, { readonly schema: Json }>> }
    >
  >;
}

export interface ApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

export class DescribedApi {
  readonly document: ApiDocument;
  /** Operations whose answers were checked: `GET /health 200`. */
  readonly seen = new Set<string>();
  readonly #url: string;

  constructor(document: ApiDocument, url: string) {
    this.document = document;
    this.#url = url;
  }

  /** The schema that a $ref names. */
  readonly find: FindSchema = (reference) => {
    const name = /^#\/components\/schemas\/(.+)$/.exec(reference)?.[1] ?? "";
    const found = this.document.components.schemas[name];
    assert.ok(found !== undefined, `${reference} is in the document`);
    return found;
  };

  /** What is wrong with a value that this schema describes. */
  problems(value: unknown, schema: Json): string[] {
    return schemaProblems(value, schema, this.find);
  }

  /**
   * Checks that the answer's status, media type, body and error code are described.
   * @returns the body.
   */
  async check(method: string, path: string, response: Response): Promise<unknown> {
    const template = this.#templateOf(path.replace(/\?.*/, ""), method);
    const operation = this.document.paths[template]?.[method.toLowerCase()];
    const text = await response.text();
    const what = `${method} ${path} ${response.status}`;
    const described = operation?.responses[response.status];
    assert.ok(described !== undefined, `${what} is described: ${text.slice(0, 300)}`);
    const type = (response.headers.get("content-type") ?? "").replace(/;.*/, "");
    const content = described.content?.[type];
    assert.ok(content !== undefined, `${what}: ${type} is described`);
    const code = /^\{"error":\{"code":"([A-Z_]+)"/.exec(text)?.[1];
    assert.ok(
      code === undefined || described.description.split(", ").includes(code),
      `${what}: ${code} is described`,
    );
    this.seen.add(`${method} ${template} ${response.status}`);
    const value: unknown = type === "application/json" ? JSON.parse(text) : text;
    if (type !== "application/x-ndjson")
      assert.deepEqual(this.problems(value, content.schema), [], `${what}: ${text.slice(0, 500)}`);
    return value;
  }

  /** Asks, and checks the answer. */
  async ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<unknown> {
    const response = await fetch(new URL(path, this.#url), {
      method,
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    });
    return this.check(method, path, response);
  }

  /** A path without parameters counts before one with. */
  #templateOf(path: string, method: string): string {
    const fitting = Object.keys(this.document.paths).filter((template) =>
      new RegExp(`^${template.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path),
    );
    const having = fitting.filter(
      (template) => this.document.paths[template]?.[method.toLowerCase()] !== undefined,
    );
    const [first] = having.sort((a, b) => a.split("{").length - b.split("{").length);
    assert.ok(first !== undefined, `${method} ${path} is described`);
    return first;
  }
}

/** Of routes in this process, whose answers the test fetches itself. */
export function describedApi(routes: readonly Route[]): DescribedApi {
  return new DescribedApi(JSON.parse(JSON.stringify(openApi(routes))) as ApiDocument, "");
}

export async function readDescription(url: string): Promise<DescribedApi> {
  const response = await fetch(new URL("/openapi.json", url));
  return new DescribedApi((await response.json()) as ApiDocument, url);
}
