/**
 * All columns of a window, measured from its counts: what drift reports show, and the evidence that verdicts are made of.
 */

import type { ProfileColumn, ReferenceProfile } from "../references/reference-profile.ts";
import { evidenceName, WHOLE_WINDOW } from "./column-name.ts";
import { type ColumnMeasures, measureCounts } from "./measure-counts.ts";
import type { ColumnEvidence } from "./window-evidence.ts";

export interface MeasuredColumn {
  readonly column: ProfileColumn;
  readonly measures: ColumnMeasures;
}

/** A sum of `feature_counts`. */
export interface BinCount {
  readonly variant: string;
  readonly role: "input" | "output";
  readonly feature: string;
  readonly bin: number;
  readonly count: number;
}

/** Counts by variant, per slot of the profile's columns one after the other (see BinCounter). */
export function slotsByVariant(
  { columns }: ReferenceProfile,
  counts: readonly BinCount[],
): Map<string, Float64Array> {
  const starts = new Map<string, number>();
  let slots = 0;
  for (const column of columns) {
    starts.set(`${column.role}\n${column.name}`, slots);
    slots += column.counts.length + 1;
  }
  const byVariant = new Map<string, Float64Array>();
  for (const { variant, role, feature, bin, count } of counts) {
    const start = starts.get(`${role}\n${feature}`);
    if (start === undefined) continue;
    let sums = byVariant.get(variant);
    if (sums === undefined) {
      sums = new Float64Array(slots);
      byVariant.set(variant, sums);
    }
    sums[start + bin] = (sums[start + bin] as number) + count;
  }
  return byVariant;
}

/** How many slots all columns have. */
export function slotsOf({ columns }: ReferenceProfile): number {
  return columns.reduce((sum, { counts }) => sum + counts.length + 1, 0);
}

/** Rows behind the counts: each is counted once in every column. */
export function rowsOf({ columns: [first] }: ReferenceProfile, slots: Float64Array): number {
  return slots.subarray(0, (first?.counts.length ?? 0) + 1).reduce((sum, count) => sum + count, 0);
}

/** Rows that were counted as not having the columns of the reference. */
export function misfitsOf(counts: readonly BinCount[]): number {
  return counts.reduce((sum, { feature, count }) => sum + (feature === WHOLE_WINDOW ? count : 0), 0);
}

/** The profile with other counts in its bins: another time of the same columns as the reference. */
export function withCounts(profile: ReferenceProfile, slots: Float64Array): ReferenceProfile {
  let at = 0;
  let rows = 0;
  const columns = profile.columns.map((column) => {
    const counts = [...slots.subarray(at, at + column.counts.length)];
    const nulls = slots[at + column.counts.length] ?? 0;
    at += column.counts.length + 1;
    const count = counts.reduce((sum, one) => sum + one, 0);
    rows = count + nulls;
    return { ...column, counts, count, null_count: nulls };
  });
  return { ...profile, columns, rows };
}

export function measureWindow({ columns }: ReferenceProfile, slots: Float64Array): MeasuredColumn[] {
  let start = 0;
  return columns.map((column) => {
    const measures = measureCounts(column, slots, start);
    start += column.counts.length + 1;
    return { column, measures };
  });
}

/** `slots` as for measureWindow. A column that the model has and the reference has not is not among them. */
export function toEvidence(measured: readonly MeasuredColumn[], slots: Float64Array): ColumnEvidence[] {
  let start = 0;
  return measured.map(({ column, measures }) => {
    const bins = column.counts.length;
    const values = slots.subarray(start, start + bins);
    start += bins + 1;
    const { psi, chiSquare, nullRate, unseenRate, outOfRangeRate } = measures;
    return {
      column: evidenceName(column),
      kind: column.type,
      referenceKind: column.type,
      rows: measures.rows,
      referenceRows: column.count + column.null_count,
      psiCorrected: column.state === "empty" ? null : (psi?.corrected ?? null),
      // not that of PSI, which has no power over many rare bins
      pValue: column.state === "empty" ? null : (chiSquare?.pValue ?? null),
      nullRate: nullRate?.current ?? 0,
      referenceNullRate: nullRate?.reference ?? 0,
      unseenRate: unseenRate?.current ?? 0,
      referenceUnseenRate: unseenRate?.reference ?? 0,
      outOfRangeRate: outOfRangeRate?.current ?? 0,
      isConstant: isInOneBin(values),
      referenceTopShare: topShare(column),
    };
  });
}

/** All values are in one bin: as near to a single value as counts can tell. */
function isInOneBin(values: Float64Array): boolean {
  return values.filter((count) => count > 0).length === 1;
}

/** Of the most frequent value, at most: a bin of several values counts as one. */
function topShare({ counts, count }: ProfileColumn): number {
  return count === 0 ? 1 : Math.max(...counts) / count;
}
