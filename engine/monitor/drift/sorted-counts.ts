/** Sorted values: how many are in each bin, and which are finite. A binary search per edge instead of one per value. */

/** `sorted` ascending without NaN; bins as in frozen-edges, one more than edges. */
export function countSorted(sorted: Float32Array, edges: Float32Array): Float64Array {
  const counts = new Float64Array(edges.length + 1);
  let start = 0;
  for (let bin = 0; bin < edges.length; bin++) {
    const end = firstAbove(sorted, edges[bin] as number, start);
    counts[bin] = end - start;
    start = end;
  }
  counts[edges.length] = sorted.length - start;
  return counts;
}

/** Where values above `limit` begin, from `start` on. */
export function firstAbove(sorted: Float32Array, limit: number, start = 0): number {
  let low = start;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Where values of `limit` and above begin, from `start` on. */
export function firstNotBelow(sorted: Float32Array, limit: number, start = 0): number {
  let low = start;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) >= limit) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** `sorted` without infinite values. */
export function finiteOf(sorted: Float32Array): Float32Array {
  return sorted.subarray(firstAbove(sorted, Number.NEGATIVE_INFINITY), firstAbove(sorted, Number.MAX_VALUE));
}
