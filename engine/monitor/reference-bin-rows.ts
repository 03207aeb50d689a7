/**
 * The bins of a profile as rows for analysts: `reference_bins`.
 */
import type { ProfileColumn, ReferenceProfile } from "./reference-profile.ts";

export interface ReferenceBinRow {
  readonly feature: string;
  readonly role: "input" | "output";
  /** Its place among the column's counts, from 0; that of null is the last. */
  readonly bin: number;
  /** Above `low`, at most `high`; infinite at the ends, NaN where the bin is not of numbers. */
  readonly low: number;
  readonly high: number;
  /** The listed value; "" for the bin of all others, of numbers and of null. */
  readonly category: string;
  readonly isNull: boolean;
  readonly count: number;
}

export function binRowsOf({ columns }: ReferenceProfile): ReferenceBinRow[] {
  return columns.flatMap((column) => {
    const { name: feature, role, counts, null_count } = column;
    const rows = counts.map((count, bin) => ({
      feature,
      role,
      bin,
      ...placeOf(column, bin),
      isNull: false,
      count,
    }));
    const nulls = { low: Number.NaN, high: Number.NaN, category: "", isNull: true, count: null_count };
    return [...rows, { feature, role, bin: counts.length, ...nulls }];
  });
}

function placeOf(column: ProfileColumn, bin: number): Pick<ReferenceBinRow, "low" | "high" | "category"> {
  if (column.type === "category")
    return { low: Number.NaN, high: Number.NaN, category: column.values[bin] ?? "" };
  return {
    low: column.edges[bin - 1] ?? Number.NEGATIVE_INFINITY,
    high: column.edges[bin] ?? Number.POSITIVE_INFINITY,
    category: "",
  };
}
