// hot path
/**
 * From the totals of a window to the value of its feature.
 *
 * Of no events: count, sum and distinct_count are 0, all others are missing. stddev is that of the population,
 * sqrt(n·Σx² − (Σx)²) / n, from exact integers.
 */
import type { WindowFeature } from "../core/feature-set.ts";
import { COUNT_AT, type Column } from "./column.ts";
import { distinctCount } from "./distinct-count.ts";
import type { WindowTotals } from "./entity-view.ts";
import { toBigInt, toNumber } from "./exact-sum.ts";

/** The value of the aggregation, or undefined when it is missing. */
export function windowValue(
  aggregation: WindowFeature["aggregation"],
  { layout, scale }: Column,
  { tile, hashes }: WindowTotals,
): number | undefined {
  const count = tile[COUNT_AT] as number;
  const sum = (): number => toNumber(tile[layout.sumAt] as number, tile[layout.sumAt + 1] as number) / scale;
  switch (aggregation) {
    case "count":
      return count;
    case "sum":
      return sum();
    case "distinct_count":
      return distinctCount(hashes);
    case "mean":
      return count === 0 ? undefined : sum() / count;
    case "stddev":
      return count === 0 ? undefined : populationStddev(count, layout, tile) / scale;
    case "min":
      return count === 0 ? undefined : tile[layout.extremesAt];
    case "max":
      return count === 0 ? undefined : tile[layout.extremesAt + 1];
    case "first":
      return count === 0 ? undefined : tile[layout.edgesAt + 2];
    case "last":
      return count === 0 ? undefined : tile[layout.edgesAt + 5];
  }
}

function populationStddev(count: number, layout: Column["layout"], tile: Float64Array): number {
  const { sumAt, squaresAt } = layout;
  const sum = toBigInt(tile[sumAt] as number, tile[sumAt + 1] as number);
  const squares = toBigInt(tile[squaresAt] as number, tile[squaresAt + 1] as number);
  return Math.sqrt(Number(BigInt(count) * squares - sum * sum)) / count;
}
