/** Equality of numbers that were computed in two ways. */
import assert from "node:assert/strict";

const TOLERANCE = 1e-6;

/** Equal, arrays part by part, numbers within `tolerance` of their size or of 1. */
export function assertClose(actual: unknown, expected: unknown, place: string, tolerance = TOLERANCE): void {
  if (typeof expected === "number" && typeof actual === "number") {
    const difference = Math.abs(actual - expected);
    assert.ok(
      difference <= tolerance * Math.max(1, Math.abs(expected)),
      `${place}: ${actual}, not ${expected}`,
    );
  } else if (Array.isArray(expected) && Array.isArray(actual)) {
    assert.equal(actual.length, expected.length, `${place} has another length`);
    expected.forEach((part, at) => assertClose(actual[at], part, `${place}.${at}`, tolerance));
  } else assert.equal(actual, expected, place);
}
