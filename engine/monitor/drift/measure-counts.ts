/**
 * All measures of drift of one column, from the counts of a window in the bins of the reference's profile.
 *
 * The same counts give the same numbers, to the last bit. Cost: bins of the column, whatever the number of rows. What has
 * no value (a window without rows, a distance between no numbers) is left out rather than NaN, so that JSON can hold it.
 */

import { type NumberProfile, type ProfileColumn, slotCounts } from "../references/reference-profile.ts";
import { type BinnedWasserstein, binnedWasserstein, type KsBracket, ksBracket } from "./binned-distance.ts";
import { type ChiSquare, chiSquareTest, compareProportions, type Proportions } from "./contingency.ts";
import { jensenShannonDistance, kullbackLeibler, type Psi, psi, totalOf } from "./divergence.ts";

export interface ColumnMeasures {
  /** Rows of the window, and how many of them are null. */
  readonly rows: number;
  readonly nulls: number;
  readonly nullRate?: Proportions;
  /** Of the values that are not null: below or above the reference's range, infinite ones included. Numbers only. */
  readonly outOfRangeRate?: Proportions;
  /** Of the values that are not null: those that the profile does not list. Categories only. */
  readonly unseenRate?: Proportions;
  /** Over all bins, that of null included, like the next three. */
  readonly psi?: Psi;
  readonly kullbackLeibler?: number;
  readonly jensenShannon?: number;
  readonly chiSquare?: ChiSquare;
  /** Of the values that are not null, like the next. Numbers only. */
  readonly ks?: KsBracket;
  readonly wasserstein?: NormalizedWasserstein;
}

export interface NormalizedWasserstein extends BinnedWasserstein {
  /** The estimate in standard deviations of the reference; absent when that is constant. */
  readonly normalized?: number;
}

/** `counts`: of the window, per slot of the column (see reference-profile); from `start` on, as long as the column has slots. */
export function measureCounts(
  column: ProfileColumn,
  counts: Float64Array | Uint32Array,
  start = 0,
): ColumnMeasures {
  const reference = slotCounts(column);
  const current = Float64Array.from(counts.subarray(start, start + reference.length));
  const rows = totalOf(current);
  const nulls = current[column.counts.length] ?? 0;
  const values = rows - nulls;
  const total = column.count + column.null_count;
  if (rows === 0 || total === 0) return { rows, nulls };
  const nullRate = compareProportions({ hits: column.null_count, total }, { hits: nulls, total: rows });
  return {
    rows,
    nulls,
    ...given({ nullRate }),
    psi: psi(reference, current),
    kullbackLeibler: kullbackLeibler(reference, current),
    jensenShannon: jensenShannonDistance(reference, current),
    chiSquare: chiSquareTest(reference, current),
    ...(column.type === "number"
      ? measureNumbers(column, current.subarray(0, column.counts.length), values)
      : given({ unseenRate: compareBins(column, current, values, [column.values.length]) })),
  };
}

/** `current`: per bin, without null. */
function measureNumbers(
  column: NumberProfile,
  current: Float64Array,
  values: number,
): Pick<ColumnMeasures, "outOfRangeRate" | "ks" | "wasserstein"> {
  if (column.state === "empty" || values === 0) return {};
  const { edges, counts, std = 0 } = column;
  const wasserstein = binnedWasserstein(edges, counts, current);
  return {
    ...given({ outOfRangeRate: compareBins(column, current, values, [0, edges.length]) }),
    ks: ksBracket(edges, counts, current),
    wasserstein: { ...wasserstein, ...(std > 0 ? { normalized: wasserstein.estimate / std } : {}) },
  };
}

/** Compares the share of values in some bins. */
function compareBins(
  { counts, count }: ProfileColumn,
  current: Float64Array,
  values: number,
  bins: readonly number[],
): Proportions | undefined {
  const hitsOf = (of: ArrayLike<number>) => bins.reduce((sum, bin) => sum + (of[bin] ?? 0), 0);
  return compareProportions({ hits: hitsOf(counts), total: count }, { hits: hitsOf(current), total: values });
}

/** Without what is undefined. */
function given<Field extends string, Value>(
  fields: Readonly<Record<Field, Value | undefined>>,
): Partial<Record<Field, Value>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<
    Record<Field, Value>
  >;
}
