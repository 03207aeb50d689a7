/**
 * Kolmogorov's limit law: P(√n D > z) as n grows. Mode `limit` of the p-value of KS, as in ClickHouse.
 */

/** Two series of one function (Smirnov 1948): the one converges in a few terms above this z, the other below. */
const SPLIT = 1.18;

/** scipy.special.kolmogorov. */
export function kolmogorovLimitTail(z: number): number {
  if (!(z > 0)) return Number.isNaN(z) ? z : 1;
  return z < SPLIT ? 1 - lowerSeries(z) : upperSeries(z);
}

function lowerSeries(z: number): number {
  let sum = 0;
  for (let odd = 7; odd >= 1; odd -= 2) sum += Math.exp((-odd * odd * Math.PI * Math.PI) / (8 * z * z));
  return (Math.sqrt(2 * Math.PI) / z) * sum;
}

function upperSeries(z: number): number {
  let sum = 0;
  for (let k = 5; k >= 1; k--) sum += (k % 2 === 1 ? 1 : -1) * Math.exp(-2 * k * k * z * z);
  return 2 * sum;
}
