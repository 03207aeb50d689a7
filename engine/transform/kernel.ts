/**
 * A kernel computes one step of a pipeline for one row, in a frame: the columns' numbers and texts under way.
 *
 * Which place of the frame a column has is settled when the pipeline is compiled, so a row costs no look-up by name
 * and, text apart, no allocation. A missing number is NaN, a missing text is "".
 */
import type { Column } from "../core/column.ts";

export interface Frame {
  readonly numbers: Float64Array;
  readonly texts: string[];
}

/** Why a row is not allowed: the column that has the wrong value, and what is wrong with it. */
export interface RowProblem {
  readonly column: Column;
  readonly message: string;
}

export interface Kernel {
  /** Computes one row; false when its values are not allowed. */
  run(frame: Frame): boolean;
  /** What is wrong with the row that `run` has just returned false for. */
  problem?(frame: Frame): RowProblem;
}

/** The slots of single columns. */
export function slotsOf(columns: readonly Column[]): Int32Array {
  return Int32Array.from(columns, ({ slot }) => slot);
}
