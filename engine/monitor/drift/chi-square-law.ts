/**
 * Tail of the chi-square law, relative accuracy about 1e-13: of p-values the small ones matter.
 */
import { logGamma } from "./log-gamma.ts";

const ROUNDS_MAX = 10_000;
/** Keeps a denominator of the continued fraction away from zero. */
const TINY = 1e-300;

/** P(X > x) of chi-square with `df` > 0 degrees of freedom, which need not be whole; 1 for x <= 0. */
export function chiSquareTail(x: number, df: number): number {
  return upperGamma(df / 2, x / 2);
}

/** The regularised upper incomplete gamma function Q(a, x): DLMF 8.7.1 below a + 1, 8.9.2 above. */
function upperGamma(a: number, x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x <= 0) return 1;
  if (x === Number.POSITIVE_INFINITY) return 0;
  const factor = Math.exp(a * Math.log(x) - x - logGamma(a));
  return x < a + 1 ? 1 - factor * lowerSeries(a, x) : factor * upperFraction(a, x);
}

function lowerSeries(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let round = 1; round < ROUNDS_MAX && term > sum * 1e-17; round++) {
    term *= x / (a + round);
    sum += term;
  }
  return sum;
}

/** By Lentz's method, modified (Numerical Recipes 5.2). */
function upperFraction(a: number, x: number): number {
  let b = x + 1 - a;
  let c = 1 / TINY;
  let d = 1 / b;
  let fraction = d;
  for (let round = 1; round < ROUNDS_MAX; round++) {
    const numerator = -round * (round - a);
    b += 2;
    d = 1 / awayFromZero(numerator * d + b);
    c = awayFromZero(b + numerator / c);
    const step = c * d;
    fraction *= step;
    if (Math.abs(step - 1) < 1e-16) break;
  }
  return fraction;
}

function awayFromZero(value: number): number {
  return Math.abs(value) < TINY ? TINY : value;
}
