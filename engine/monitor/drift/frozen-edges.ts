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
import { firstAbove, firstNotBelow } from "./sorted-counts.ts";

/** Two for each heavy value; ties may fill the bins between them by half only. */
export const EDGES_PER_BIN_MAX = 6;

/** Edges, ascending, for finite values, ascending. None without values. No edge is -0. */
export function freezeEdges(sorted: Float32Array, bins: number): Float32Array {
  if (sorted.length === 0) return new Float32Array(0);
  const edges: number[] = [];
  addEdge(edges, previousFloat32(sorted[0] as number));
  const heavyFrom = sorted.length / bins;
  const stride = Math.max(1, Math.floor(heavyFrom));
  let open = 0;
  // So many equal values cannot lie between two of these places.
  for (let at = stride - 1; at < sorted.length; at = Math.max(at + stride, open)) {
    const value = sorted[at] as number;
    const start = firstNotBelow(sorted, value, open);
    const end = firstAbove(sorted, value, at);
    if (end - start < heavyFrom) continue;
    cut(edges, sorted, open, start, heavyFrom);
    addEdge(edges, previousFloat32(value));
    addEdge(edges, value);
    open = end;
  }
  cut(edges, sorted, open, sorted.length, heavyFrom);
  return Float32Array.from(edges);
}

/** Cuts the values from `start` to `end`, none of them heavy, into few bins of even sizes, at most `sizeMax` each. */
function cut(edges: number[], sorted: Float32Array, start: number, end: number, sizeMax: number): void {
  for (let open = start; open < end; ) {
    const rest = end - open;
    const size = Math.ceil(rest / Math.ceil(rest / Math.floor(sizeMax)));
    const value = sorted[open + size - 1] as number;
    const next = firstAbove(sorted, value, open);
    open = next - open <= sizeMax ? next : firstNotBelow(sorted, value, open);
    addEdge(edges, sorted[open - 1] as number);
  }
}

/** -Infinity, before the smallest float32, is no edge: JSON has no word for it. */
function addEdge(edges: number[], value: number): void {
  if (Number.isFinite(value) && edges.at(-1) !== value) edges.push(value + 0);
}
