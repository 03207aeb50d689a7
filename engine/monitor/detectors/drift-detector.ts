/**
 * What the streaming drift detectors share: ADWIN, KSWIN and Page-Hinkley read a stream of numbers (a score, an error per
 * prediction) one by one and say at which value its distribution has changed.
 *
 * Invariants, tested by the conformance suite for each: the same options and values give the same answers and the same
 * state, to the bit, also when the state went through JSON in between; memory is bounded whatever the stream's length.
 */
import type { z } from "zod";
import { EngineError, fieldInvalid } from "../../core/errors.ts";

/** Largest magnitude of a value: squares and their sums stay finite. */
export const VALUE_MAX = 1e100;

export interface DriftDetector {
  /**
   * Takes the next value; true if drift is found at it.
   * @throws EngineError INVALID_REQUEST for one that is no number of at most VALUE_MAX; the detector is as it was before.
   */
  update(value: number): boolean;
  /** Forgets all values: the detector is as new. */
  reset(): void;
  /** Options and state. The class's static `restore` makes a detector of it that goes on to the bit. */
  toJSON(): { readonly options: object };
}

/** The error for a value that a detector cannot take. */
export function invalidValue(value: number): EngineError {
  const message = `must be a finite number of at most ±${VALUE_MAX}, but is ${value}; leave such values out, and count them`;
  return fieldInvalid("value", message);
}

/**
 * Checks options or a state.
 * @param what for the message: "ADWIN".
 * @throws EngineError INVALID_REQUEST with one detail per wrong field.
 */
export function parseDetector<T extends z.ZodType>(what: string, schema: T, json: unknown): z.output<T> {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const details = result.error.issues.slice(0, 20).map((issue) => ({
    field: issue.path.join(".") || what,
    message: issue.message,
  }));
  const [first] = details;
  throw new EngineError("INVALID_REQUEST", `${what}: ${first?.field}: ${first?.message}`, { details });
}
