/**
 * Reading the engine's answers in tests: JSON of a known kind, and the one shape that every error has.
 */
import assert from "node:assert/strict";
import { ERRORS, type ErrorBody, type ErrorCode } from "../../engine/core/errors.ts";

export async function jsonOf<T>(response: Response): Promise<T> {
  assert.match(response.headers.get("content-type") ?? "", /^application\/json/);
  return (await response.json()) as T;
}

/** Checks that `body` is {"error":{code,message,details:[{field,message}]}} and nothing else. */
export function checkErrorBody(body: unknown): ErrorBody["error"] {
  assert.ok(typeof body === "object" && body !== null);
  assert.deepEqual(Object.keys(body), ["error"]);
  const { error } = body as ErrorBody;
  assert.deepEqual(Object.keys(error).sort(), ["code", "details", "message"]);
  assert.ok(error.code in ERRORS, `${error.code} is in the table of errors`);
  assert.ok(error.message.length > 0 && error.message.length < 2_000);
  assert.doesNotMatch(error.message, /^undefined|\[object/);
  for (const detail of error.details) {
    assert.deepEqual(Object.keys(detail).sort(), ["field", "message"]);
    assert.ok(detail.field.length > 0 && detail.message.length > 0);
  }
  return error;
}

/** The error of a response that must have this status and code. */
export async function errorOf(
  response: Response,
  status: number,
  code: ErrorCode,
): Promise<ErrorBody["error"]> {
  const text = await response.text();
  assert.equal(response.status, status, text.slice(0, 500));
  const error = checkErrorBody(JSON.parse(text));
  assert.equal(error.code, code, text.slice(0, 500));
  assert.equal(status, ERRORS[code].status);
  return error;
}
