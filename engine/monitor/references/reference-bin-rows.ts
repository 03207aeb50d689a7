/**
 * The bins of a profile as rows for analysts: `reference_bins`.
 */
import type { ReferenceBin } from "../../../storage/reference-bins.ts";
import type { ProfileColumn, ReferenceProfile } from "./reference-profile.ts";

export function binRowsOf({ columns }: ReferenceProfile): ReferenceBin[] {
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

function placeOf(column: ProfileColumn, bin: number): Pick<ReferenceBin, "low" | "high" | "category"> {
  if (column.type === "category")
    return { low: Number.NaN, high: Number.NaN, category: column.values[bin] ?? "" };
  return {
    low: column.edges[bin - 1] ?? Number.NEGATIVE_INFINITY,
    high: column.edges[bin] ?? Number.POSITIVE_INFINITY,
    category: "",
  };
}
