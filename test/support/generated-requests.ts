/**
 * Requests made from an engine's own description, right ones and spoiled ones, and what must be true of every answer: its status, type
 * and body are described, and a server error is honest (503 says when to come back, 504 is a deadline that the request set). A model that
 * a request takes out of production is put back.
 */
import assert from "node:assert/strict";
import { PAYMENT } from "./card-fraud.ts";
import { type DescribedApi, type Operation, readDescription } from "./described-api.ts";
import { createRandom, type Random } from "./random.ts";
import { pick, schemaValue, spoiled } from "./schema-values.ts";

type Json = Readonly<Record<string, unknown>>;

const AT_ONCE = 8;
const GARBAGE = [
  "",
  "{",
  "[]",
  "null",
  '"a"',
  "1e999",
  '{"a":1}}',
  "\u0000",
  '{"features":{"a":1',
  "[".repeat(5_000),
  '{"a":'.repeat(2_000),
];

export interface GeneratedOptions {
  readonly url: string;
  readonly cases: number;
  readonly seed: number;
  readonly onProgress?: (cases: number) => void;
}

export interface Generated {
  /** Answers by status. */
  readonly answers: ReadonlyMap<number, number>;
  /** What was not as it must be, the first FOUND_MAX. */
  readonly found: readonly string[];
}

const FOUND_MAX = 50;

interface Target {
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

export async function askGenerated({ url, cases, seed, onProgress }: GeneratedOptions): Promise<Generated> {
  const api = await readDescription(url);
  const targets = Object.entries(api.document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(
      ([method, operation]): Target => ({ method: method.toUpperCase(), path, operation }),
    ),
  );
  const answers = new Map<number, number>();
  const found: string[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < cases && found.length < FOUND_MAX) {
      const number = next++;
      const random = createRandom(seed + number);
      const request = requestOf(random, pick(random, targets), api);
      const problem = await ask(request, url, api, answers);
      if (problem !== undefined)
        found.push(`seed ${seed + number}: ${request.method} ${request.path}: ${problem}`);
      if (number % 5_000 === 4_999) onProgress?.(number + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { answers, found };
}

interface MadeRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string | undefined;
  readonly type: string;
}

function requestOf(random: Random, { method, path, operation }: Target, api: DescribedApi): MadeRequest {
  const valueOf = (schema: Json): unknown => schemaValue(random, schema, api.find);
  const query = new URLSearchParams();
  let made = path;
  for (const parameter of operation.parameters ?? []) {
    const value = random.next() < 0.1 ? spoiled(random, "") : valueOf(parameter.schema);
    const text = typeof value === "string" ? Buffer.from(value).toString() : JSON.stringify(value);
    // fetch itself resolves paths of dots; an empty part is another path
    if (parameter.in === "path")
      made = made.replace(
        `{${parameter.name}}`,
        /^\.*$/.test(text) ? "x" : encodeURIComponent(text).replaceAll(".", "%2E"),
      );
    else if (parameter.in === "query" && random.next() < 0.5) query.append(parameter.name, text);
  }
  if (random.next() < 0.03) query.append("other", "1");
  const asked = query.size === 0 ? made : `${made}?${query.toString()}`;
  const type = random.next() < 0.02 ? "text/plain" : "application/json";
  return { method, path: asked, body: bodyOf(random, operation, valueOf), type };
}

function bodyOf(
  random: Random,
  { requestBody, operationId }: Operation,
  valueOf: (schema: Json) => unknown,
): string | undefined {
  const schema = requestBody?.content["application/json"]?.schema;
  if (schema === undefined) return undefined;
  if (random.next() < 0.03) return pick(random, GARBAGE);
  let value = valueOf(schema);
  if (operationId === "postPredict" && random.next() < 0.5)
    value = { ...(value as object), model: "card-fraud", version: null, features: PAYMENT };
  for (let changes = random.between(0, 2); changes > 0; changes--) value = spoiled(random, value);
  return JSON.stringify(value);
}

/** What is wrong with the answer, if anything is. */
async function ask(
  { method, path, body, type }: MadeRequest,
  url: string,
  api: DescribedApi,
  answers: Map<number, number>,
): Promise<string | undefined> {
  try {
    const response = await fetch(new URL(path, url), {
      method,
      ...(body === undefined ? {} : { body, headers: { "content-type": type } }),
    });
    const { status } = response;
    answers.set(status, (answers.get(status) ?? 0) + 1);
    const text = await response.clone().text();
    if (status === 200 && path.endsWith("/unload"))
      await fetch(new URL(path.replace(/unload$/, "load"), url), { method: "POST" }); // so that others have something to ask
    const isHonest =
      status < 500 ||
      (status === 503 && path === "/ready") || // meanwhile nothing is in production
      (status === 503 && response.headers.has("retry-after")) ||
      (status === 504 && /"DEADLINE_EXCEEDED"|the deadline passed/.test(text));
    assert.ok(isHonest, `${status} ${text.slice(0, 500)}`);
    await api.check(method, path, response);
    return undefined;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : "";
    return `${String(error).slice(0, 1_000)}${cause} for ${body?.slice(0, 1_000)}`;
  }
}
