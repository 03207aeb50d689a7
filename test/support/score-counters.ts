/** Scores counted into bins that are open below and closed above, as a monitor would. */
import type { ScoreCounters } from "../../engine/monitor/performance/estimated-performance.ts";

export function countScores(scores: Float64Array, edges: readonly number[]): ScoreCounters {
  const rows = new Float64Array(edges.length + 1);
  const sums = new Float64Array(edges.length + 1);
  for (const score of scores) {
    const found = edges.findIndex((edge) => score <= edge);
    const bin = found < 0 ? edges.length : found;
    rows[bin] = (rows[bin] as number) + 1;
    sums[bin] = (sums[bin] as number) + score;
  }
  return { edges, rows, sums };
}
