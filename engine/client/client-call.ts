/**
 * How the parts of the client ask the engine: a call, and the answer's JSON or an error.
 */
import type { CallOptions, CallRequest, Content, Query } from "./http-caller.ts";
import type { Effect } from "./retry-wait.ts";

/** The answer's JSON, of the type that the contract has for the path. @throws MillraceError */
export type Ask = <Answer>(call: CallRequest, options?: CallOptions) => Promise<Answer>;

const JSON_HEADERS = { "content-type": "application/json" };

/** A path whose parts are encoded. */
export function path(texts: TemplateStringsArray, ...parts: readonly string[]): string {
  return String.raw({ raw: texts }, ...parts.map(encodeURIComponent));
}

/** Of a model over the Open Inference Protocol; production unless a version or an alias is given. */
export function modelPath(model: string, version: string | undefined): string {
  return version === undefined ? path`/v2/models/${model}` : path`/v2/models/${model}/versions/${version}`;
}

/** What only reads. */
export function get(to: string, query: Query = {}): CallRequest {
  return { method: "GET", path: to, query, effect: "reads" };
}

/** What sends JSON. */
export function post(to: string, body: unknown, effect: Effect): CallRequest {
  const json = JSON.stringify(body);
  return { method: "POST", path: to, contentOf: () => ({ headers: JSON_HEADERS, body: json }), effect };
}

/** What sends JSON and tells how much time is left: at most `timeout_ms` of the body itself. */
export function postTimed(
  to: string,
  jsonOf: (timeoutMs: number) => string,
  timeoutMs: number | null | undefined,
): CallRequest {
  const contentOf = (leftMs: number): Content => ({
    headers: JSON_HEADERS,
    body: jsonOf(engineTimeoutMs(leftMs, timeoutMs)),
  });
  return { method: "POST", path: to, contentOf, effect: "repeats" };
}

/** The engine takes no longer deadline. */
const TIMEOUT_MS_MAX = 600_000;

/** What the engine is told of a deadline. */
export function engineTimeoutMs(leftMs: number, wantedMs: number | null | undefined): number {
  return Math.min(Math.ceil(leftMs), wantedMs ?? TIMEOUT_MS_MAX, TIMEOUT_MS_MAX);
}
