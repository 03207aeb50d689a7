/**
 * The exact law of the two-sample Kolmogorov-Smirnov statistic for two samples of one size without ties, and from it the
 * smallest statistic that a level rejects: with fixed sizes, p <= alpha is a comparison of whole numbers.
 */

/**
 * P(D >= gap / size) when both samples of `size` values come from one continuous distribution.
 *
 * B. V. Gnedenko, V. S. Korolyuk, 1951: 2 Σ_j (-1)^(j+1) C(2n, n - jk) / C(2n, n), j = 1 … n/k. With ties it is an upper
 * bound.
 * @param gap size × D, a whole number in 0 … size.
 */
export function exactKsPValue(gap: number, size: number): number {
  if (gap <= 0) return 1;
  let sum = 0;
  let ratio = 1; // C(2n, n - steps) / C(2n, n)
  let steps = 0;
  for (let times = 1; times * gap <= size; times++) {
    for (; steps < times * gap; steps++) ratio *= (size - steps) / (size + steps + 1);
    sum += times % 2 === 1 ? ratio : -ratio;
  }
  return Math.min(1, Math.max(0, 2 * sum));
}

/** The smallest gap = size × D with p <= alpha; more than `size` if even D = 1 has a larger p. */
export function criticalKsGap(size: number, alpha: number): number {
  let gap = 1;
  while (gap <= size && exactKsPValue(gap, size) > alpha) gap++;
  return gap;
}
