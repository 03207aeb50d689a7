/**
 * The bins of a number column, frozen at the quantiles of a reference.
 *
 *     edges          e_0          e_1     ...    e_k
 *     bins    below ] (            ] (            ] ( above
 *
 * The bin of a value is the number of edges below it: bins are closed on the right, so that the cumulated counts are the
 * empirical distribution function, exactly, at each edge. e_0 is the largest float32 below the reference's minimum, e_k its
 * maximum: the first and the last bin are guards, which hold no finite value of the reference. A heavy value (at least
 * 1/bins of all) has a bin of its own, between the float32 before it and itself.
 *
 * Invariant: each bin that is not of one value holds at most 1/bins of the reference. Bound: EDGES_PER_BIN_MAX.
 */
import { previousFloat32 } from "./float32-order.ts";

/** Two for each heavy value; ties may fill the bins between them by half only. */
export const EDGES_PER_BIN_MAX = 6;

/** Edges, ascending, for finite values, ascending. None without values. No edge is -0. */
export function freezeEdges(sorted: Float32Array, bins: number): Float32Array {
  if (sorted.length === 0) return new Float32Array(0);
  const edges: number[] = [];
  addEdge(edges, previousFloat32(sorted[0] as number));
  const heavyFrom = sorted.length / bins;
  let open = 0;
  for (let at = 0; at < sorted.length; ) {
    const next = endOfRun(sorted, at);
    if (next - at >= heavyFrom) {
      cut(edges, sorted, open, at, heavyFrom);
      addEdge(edges, previousFloat32(sorted[at] as number));
      addEdge(edges, sorted[at] as number);
      open = next;
    }
    at = next;
  }
  cut(edges, sorted, open, sorted.length, heavyFrom);
  return Float32Array.from(edges);
}

/** Cuts the values from `start` to `end`, none of them heavy, into few bins of even sizes, at most `sizeMax` each. */
function cut(edges: number[], sorted: Float32Array, start: number, end: number, sizeMax: number): void {
  let open = start;
  let target = evenSize(end - open, sizeMax);
  const close = (at: number) => {
    addEdge(edges, sorted[at - 1] as number);
    open = at;
    target = evenSize(end - open, sizeMax);
  };
  for (let at = start; at < end; ) {
    const next = endOfRun(sorted, at);
    if (at > open && next - open > sizeMax) close(at);
    if (next - open >= target) close(next);
    at = next;
  }
}

function evenSize(count: number, sizeMax: number): number {
  return count / Math.ceil(count / Math.floor(sizeMax));
}

/** Where the values that equal the one at `start` end: by steps that double, since heavy values repeat a million times. */
function endOfRun(sorted: Float32Array, start: number): number {
  const value = sorted[start] as number;
  let step = 1;
  let low = start;
  while (low + step < sorted.length && sorted[low + step] === value) {
    low += step;
    step *= 2;
  }
  let high = Math.min(low + step, sorted.length);
  while (low + 1 < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle] === value) low = middle;
    else high = middle;
  }
  return high;
}

/** -Infinity, before the smallest float32, is no edge: JSON has no word for it. */
function addEdge(edges: number[], value: number): void {
  if (Number.isFinite(value) && edges.at(-1) !== value) edges.push(value + 0);
}
