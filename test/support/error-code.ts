/**
 * For assert.rejects: an EngineError of this code, whose message fits.
 */
import assert from "node:assert/strict";
import { EngineError, type ErrorCode } from "../../engine/core/errors.ts";

export function hasCode(code: ErrorCode, pattern = /./): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    return true;
  };
}
