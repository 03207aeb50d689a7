/** A split as the bins that it parts; in a tree it stands in the column's own numbers. */
import type { BinnedColumn } from "./binned-rows.ts";
import type { NodeSplit } from "./tree-builder.ts";

export interface BinSplit {
  /** Of the binned column. */
  readonly place: number;
  /** Value bins up to this one go left, of numbers. */
  readonly bin: number;
  readonly missingLeft: boolean;
  /** 1 for each bin that goes left, of categories. */
  readonly leftBins: Uint8Array;
  readonly gain: number;
}

export function nodeSplitOf(
  { index, numbers, categories }: BinnedColumn,
  { bin, missingLeft, leftBins, gain }: BinSplit,
): NodeSplit {
  if (categories === undefined)
    // behind the last value bin: all that have a value
    return { feature: index, threshold: numbers?.thresholds[bin] ?? Infinity, missingLeft, gain };
  const codes = categories.codes.filter((_, at) => leftBins[at] === 1);
  return { feature: index, threshold: 0, missingLeft, codes, gain };
}
