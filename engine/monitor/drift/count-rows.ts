/**
 * Rows of `feature_counts` in RowBinary, from counts by minute: each count once as its minute, hour and day.
 *
 * Predictions that have not the columns of the reference stand there as bin 0 of an output `*`, which no column can be called.
 */
import type { RowBinaryWriter } from "../../core/row-binary.ts";
import type { ProfileColumn } from "../references/reference-profile.ts";
import { WHOLE_WINDOW } from "./column-name.ts";
import { MINUTE_MS } from "./pane-counts.ts";

const PANE_SECONDS = [60, 3_600, 86_400] as const;
const ROLES = { input: 1, output: 2 } as const;
const ROW_BYTES = 1_024;

/** What all rows of a series have in common. */
export interface CountedSeries {
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  readonly referenceId: string;
  readonly columns: readonly ProfileColumn[];
}

/** Appends the counts that are not 0, in the order of COUNT_COLUMNS; how many rows that are. */
export function writeCountRows(
  writer: RowBinaryWriter,
  series: CountedSeries,
  byMinute: ReadonlyMap<number, Uint32Array>,
  { epoch, seq }: { readonly epoch: number; readonly seq: number },
): number {
  let rows = 0;
  for (const seconds of PANE_SECONDS) {
    for (const [paneS, counts] of addUp(byMinute, seconds)) {
      let slot = 0;
      const write = (role: keyof typeof ROLES, feature: string, bins: number): void => {
        for (let bin = 0; bin < bins; bin++) {
          const count = counts[slot++] as number;
          if (count === 0) continue;
          writer.reserve(ROW_BYTES);
          writer.string(series.model);
          writer.string(series.version);
          writer.string(series.variant);
          writer.string(series.referenceId);
          writer.uint8(ROLES[role]);
          writer.string(feature);
          writer.uint32(seconds);
          writer.uint32(paneS);
          writer.uint16(bin);
          writer.uint64(epoch);
          writer.uint64(seq);
          writer.uint64(count);
          rows++;
        }
      };
      for (const { role, name, counts: bins } of series.columns) write(role, name, bins.length + 1);
      write("output", WHOLE_WINDOW, 1);
    }
  }
  return rows;
}

/** Counts by start of their pane, seconds since 1970. */
function addUp(byMinute: ReadonlyMap<number, Uint32Array>, seconds: number): Map<number, Float64Array> {
  const panes = new Map<number, Float64Array>();
  for (const [minute, counts] of byMinute) {
    const minuteS = (minute * MINUTE_MS) / 1000;
    const paneS = minuteS - (minuteS % seconds);
    let sums = panes.get(paneS);
    if (sums === undefined) {
      sums = new Float64Array(counts.length);
      panes.set(paneS, sums);
    }
    for (let slot = 0; slot < counts.length; slot++)
      sums[slot] = (sums[slot] as number) + (counts[slot] as number);
  }
  return panes;
}
