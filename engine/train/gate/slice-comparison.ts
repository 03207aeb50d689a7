/**
 * Challenger against champion within each slice of the rows: a gain overall may hide a loss for some.
 *
 * Intervals are simultaneous: with k slices each has confidence 1 - (1 - confidence) / k (Bonferroni), so that equal models fail in any
 * of them no more often than in one. Bound: the SLICES_MAX slices with the most rows, of all columns together.
 */
import { takeRows } from "../../monitor/performance/labelled-rows.ts";
import type { MetricName } from "../../monitor/performance/metric-table.ts";
import type { Slices } from "../../monitor/performance/performance-slices.ts";
import { measurePerformance } from "../../monitor/performance/realised-performance.ts";
import { type PairedMetric, pairMetrics } from "./model-comparison.ts";
import { type Candidate, labelledBy, type OutOfTimeRows } from "./out-of-time-rows.ts";
import type { BootstrapSettings } from "./paired-bootstrap.ts";

const SLICES_MAX = 100;

export interface ComparedSlice {
  readonly slice: string;
  readonly rows: number;
  readonly compared: PairedMetric;
}

export interface SliceComparison {
  /** The largest first. */
  readonly judged: readonly ComparedSlice[];
  /** Slices with fewer rows than asked for, or beyond the hundred largest. */
  readonly passedOver: number;
}

export function compareSlices(
  rows: OutOfTimeRows,
  challenger: Candidate,
  champion: Candidate,
  question: { readonly metric: MetricName; readonly rowsMin: number },
  settings: BootstrapSettings,
): SliceComparison {
  const all = rows.slices.flatMap(rowsBySlice);
  const judged = all
    .filter(({ at }) => at.length >= question.rowsMin)
    .sort((a, b) => b.at.length - a.at.length)
    .slice(0, SLICES_MAX);
  const confidence = 1 - (1 - settings.confidence) / Math.max(1, judged.length);
  const [own, other] = [labelledBy(rows, challenger), labelledBy(rows, champion)];
  const measure = (labelled: typeof own, at: Uint32Array) => {
    const taken = takeRows(labelled, at);
    return { rows: taken, metrics: measurePerformance(taken, confidence).metrics };
  };
  return {
    passedOver: all.length - judged.length,
    judged: judged.flatMap(({ slice, at }) =>
      pairMetrics(measure(own, at), measure(other, at), [question.metric], { ...settings, confidence }).map(
        (compared) => ({ slice, rows: at.length, compared }),
      ),
    ),
  };
}

/** Of each slice of a column that has rows, their indexes. */
function rowsBySlice({ codes, names }: Slices): { slice: string; at: Uint32Array }[] {
  const found = new Map<number, number[]>();
  for (const [row, code] of codes.entries()) {
    const rows = found.get(code);
    if (rows === undefined) found.set(code, [row]);
    else rows.push(row);
  }
  return [...found]
    .sort(([a], [b]) => a - b)
    .map(([code, rows]) => ({ slice: names[code] ?? `slice ${code}`, at: Uint32Array.from(rows) }));
}
