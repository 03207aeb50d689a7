/**
 * Checks of columns that come from outside: training files, labels, predictions of other programs.
 *
 * All of them throw EngineError INVALID_REQUEST naming the column, the first wrong row and the rule.
 */
import { fieldInvalid } from "../../core/errors.ts";

/** A column of numbers, one per row. */
export type Numbers = Float64Array | Float32Array;
/** A column of classes as their indexes, one per row. */
export type Classes = Uint8Array | Uint16Array;

export function checkLength(field: string, length: number, expected: number): void {
  if (length !== expected)
    throw fieldInvalid(field, `${length} entries for ${expected} rows: give one per row`);
}

export function checkClasses(field: string, values: Classes, classes: number): void {
  for (let row = 0; row < values.length; row += 1) {
    const value = values[row] as number;
    if (value >= classes)
      throw fieldInvalid(field, `row ${row} has ${value}: a class is an index from 0 to ${classes - 1}`);
  }
}

export function checkFinite(field: string, values: Numbers): void {
  for (let row = 0; row < values.length; row += 1) {
    const value = values[row] as number;
    if (!Number.isFinite(value))
      throw fieldInvalid(field, `row ${row} has ${value}: a value is a finite number`);
  }
}

/** @param width probabilities per row. */
export function checkProbabilities(field: string, values: Numbers, width = 1): void {
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] as number;
    if (!(value >= 0 && value <= 1))
      throw fieldInvalid(field, `row ${Math.floor(at / width)} has ${value}: a probability is from 0 to 1`);
  }
}
