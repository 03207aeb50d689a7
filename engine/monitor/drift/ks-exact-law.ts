/**
 * The exact law of the two-sample Kolmogorov-Smirnov statistic, without ties: P(D >= h / lcm(n1, n2)), two-sided. Mode
 * `exact` of the p-value, as in SciPy. Bound: sizes up to EXACT_SIZE_MAX, above which the laws agree.
 */

/** Up to this size of the larger sample SciPy's `auto` takes the exact law. */
export const EXACT_SIZE_MAX = 10_000;

export function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** `distance`: D times the least common multiple of the sizes, whole. */
export function exactKsTail(n1: number, n2: number, distance: number): number {
  if (distance <= 0) return 1;
  return n1 === n2
    ? ofEqualSizes(n1, distance)
    : ofLatticePaths(Math.max(n1, n2), Math.min(n1, n2), distance);
}

/** 2 Σ_k (-1)^(k-1) C(2n, n - k h) / C(2n, n): Gnedenko & Korolyuk (1951), each term from the one before. */
function ofEqualSizes(n: number, h: number): number {
  let tail = 0;
  for (let k = Math.floor(n / h); k >= 1; k--) {
    let ratio = 1;
    for (let j = 0; j < h; j++) ratio *= (n - (k - 1) * h - j) / (n + (k - 1) * h + j + 1);
    tail = ratio * (1 - tail);
  }
  return Math.min(1, 2 * tail);
}

/**
 * The share of lattice paths to (n1, n2) that touch |i / n1 - j / n2| >= h / lcm (Hodges 1958). Of the paths to (i, j),
 * i / (i + j) come by (i - 1, j). All terms are positive, so small probabilities are as accurate as large ones. Only the
 * points within the band are visited, column by column.
 */
function ofLatticePaths(n1: number, n2: number, h: number): number {
  const divisor = greatestCommonDivisor(n1, n2);
  const perI = n2 / divisor;
  const perJ = n1 / divisor;
  // touched[j]: of the paths to (i, j), the share that touched. 1 above the band; below it, what nothing reads again.
  const touched = new Float64Array(n2 + 1).fill(1);
  for (let i = 0; i <= n1; i++) {
    const low = Math.max(0, Math.floor((perI * i - h) / perJ) + 1);
    const high = Math.min(n2, Math.ceil((perI * i + h) / perJ) - 1);
    if (low > high) return 1;
    let below = 1;
    for (let j = low; j <= high; j++) {
      const sum = i + j;
      const left = touched[j] as number;
      if (sum === 0) below = 0;
      else if (j === 0) below = left;
      else if (i > 0) below = (left * i + below * j) / sum;
      touched[j] = below;
    }
  }
  return touched[n2] as number;
}
