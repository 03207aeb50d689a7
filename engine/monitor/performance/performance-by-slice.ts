/**
 * Performance slice by slice: for each value of a feature, segment or variant, that of its rows alone.
 *
 * Bound: the slices with the most rows are measured, up to SLICES_MAX; the rows of all others are one slice together.
 */
import type { LabelledRows } from "./labelled-rows.ts";
import { takeRows } from "./labelled-rows.ts";
import { measurePerformance, type RealisedPerformance } from "./realised-performance.ts";
import { checkClasses, checkLength } from "./row-checks.ts";

const SLICES_MAX = 100;

export interface SlicePerformance {
  /** Undefined for the slices beyond the hundred largest, taken together. */
  readonly slice: string | undefined;
  readonly performance: RealisedPerformance;
}

/**
 * @param slices index of each row's slice in `names`.
 * @returns slices with rows, the largest first; of equal ones the earlier name.
 * @throws EngineError INVALID_REQUEST for a slice without a name, or as measurePerformance.
 */
export function performanceBySlice(
  rows: LabelledRows,
  slices: Uint16Array,
  names: readonly string[],
  confidence = 0.95,
): readonly SlicePerformance[] {
  checkLength("slices", slices.length, rows.labels.length);
  checkClasses("slices", slices, names.length);
  const counts = new Uint32Array(names.length);
  for (const slice of slices) counts[slice] = (counts[slice] as number) + 1;
  const measured = Array.from(names.keys())
    .filter((slice) => counts[slice] !== 0)
    .sort((a, b) => (counts[b] as number) - (counts[a] as number) || a - b)
    .slice(0, SLICES_MAX);
  // the last group takes what is in none of them
  const groups = new Uint16Array(names.length).fill(measured.length);
  for (const [group, slice] of measured.entries()) groups[slice] = group;
  return rowsOfGroups(slices, groups, measured.length + 1).flatMap((at, group) => {
    if (at.length === 0) return [];
    const slice = group < measured.length ? names[measured[group] as number] : undefined;
    return [{ slice, performance: measurePerformance(takeRows(rows, at), confidence) }];
  });
}

/** The rows of each group, in their order. */
function rowsOfGroups(slices: Uint16Array, groups: Uint16Array, count: number): Uint32Array[] {
  const sizes = new Uint32Array(count);
  for (const slice of slices) {
    const group = groups[slice] as number;
    sizes[group] = (sizes[group] as number) + 1;
  }
  const rows = Array.from(sizes, (size) => new Uint32Array(size));
  const filled = new Uint32Array(count);
  for (let row = 0; row < slices.length; row += 1) {
    const group = groups[slices[row] as number] as number;
    const at = filled[group] as number;
    (rows[group] as Uint32Array)[at] = row;
    filled[group] = at + 1;
  }
  return rows;
}
