/**
 * All measures of drift from rows: those from counts, in the bins of the reference's own profile, and beside them the exact
 * two-sample Kolmogorov-Smirnov and Wasserstein. For windows that are small enough to be fetched.
 *
 * Cost: sorting both samples of each number column. The result does not depend on the order of the rows.
 */

import {
  type ColumnValues,
  checkColumns,
  profileNumbers,
  profileTexts,
} from "../references/reference-builder.ts";
import type { WatchedColumn } from "../references/reference-profile.ts";
import { CategoryBins } from "./category-bins.ts";
import { ksStatistic, wasserstein } from "./exact-distance.ts";
import { ksModeOf, ksPValue } from "./exact-ks.ts";
import { sortedFloat32 } from "./float32-order.ts";
import { type ColumnMeasures, measureCounts } from "./measure-counts.ts";
import { countSorted, finiteOf } from "./sorted-counts.ts";

export interface RowMeasures extends ColumnMeasures {
  /** Absent for categories, and where one side has no finite value. */
  readonly exact?: ExactMeasures;
}

export interface ExactMeasures {
  /** Kolmogorov-Smirnov's D. */
  readonly d: number;
  /** Mode `auto`, and the law that it took: see exact-ks. */
  readonly pValue: number;
  readonly mode: "exact" | "asymptotic";
  /** In the unit of the column. */
  readonly wasserstein: number;
  /** In standard deviations of the reference; absent when that is constant. */
  readonly normalizedWasserstein?: number;
}

/**
 * Measures the columns that both sides have, by name. `bins`: those of number columns, as in the reference's profile.
 * @throws EngineError INVALID_REQUEST when the columns of one side do not fit `columns`.
 */
export function measureRows(
  columns: readonly WatchedColumn[],
  reference: ReadonlyMap<string, ColumnValues>,
  current: ReadonlyMap<string, ColumnValues>,
  bins: number,
): Map<string, RowMeasures> {
  checkColumns(columns, reference);
  checkColumns(columns, current);
  const measures = new Map<string, RowMeasures>();
  for (const column of columns) {
    const before = reference.get(column.name);
    const now = current.get(column.name);
    if (before instanceof Float32Array && now instanceof Float32Array)
      measures.set(column.name, measureNumberRows(column, before, now, bins));
    else if (Array.isArray(before) && Array.isArray(now))
      measures.set(column.name, measureTextRows(column, before, now));
  }
  return measures;
}

function measureNumberRows(
  column: WatchedColumn,
  reference: Float32Array,
  current: Float32Array,
  bins: number,
): RowMeasures {
  const left = sortedFloat32(reference);
  const right = sortedFloat32(current);
  const profile = profileNumbers(column, left, reference.length, bins);
  const counts = new Float64Array(profile.counts.length + 1);
  counts.set(countSorted(right, Float32Array.from(profile.edges)));
  counts[profile.counts.length] = current.length - right.length;
  const measures = measureCounts(profile, counts);
  if (profile.state === "empty" || finiteOf(right).length === 0) return measures;
  const d = ksStatistic(left, right);
  const distance = wasserstein(left, right);
  const { std = 0 } = profile;
  const mode = ksModeOf(left.length, right.length, d);
  const exact: ExactMeasures = {
    d,
    pValue: ksPValue(left.length, right.length, d, mode),
    mode,
    wasserstein: distance,
    ...(std > 0 ? { normalizedWasserstein: distance / std } : {}),
  };
  return { ...measures, exact };
}

function measureTextRows(
  column: WatchedColumn,
  reference: readonly (string | null)[],
  current: readonly (string | null)[],
): RowMeasures {
  const profile = profileTexts(column, reference);
  const places = new CategoryBins(profile.values);
  const counts = new Float64Array(places.bins + 1);
  for (const text of current) {
    const slot = places.slotOf(text);
    counts[slot] = (counts[slot] as number) + 1;
  }
  return measureCounts(profile, counts);
}
