/**
 * Chi-square and normal probabilities for simulations, from the incomplete gamma function (Abramowitz and Stegun 6.5.29 and
 * 6.5.31); relative error below 1e-12.
 */

/** P(X > x) of a chi-square distribution. */
export function chiSquareSurvival(x: number, degrees: number): number {
  if (x <= 0) return 1;
  const [a, half] = [degrees / 2, x / 2];
  const front = Math.exp(a * Math.log(half) - half - logGammaHalf(degrees));
  return half < a + 1 ? 1 - front * seriesBelow(a, half) : front * fractionAbove(a, half);
}

export function normalCdf(x: number): number {
  const tail = chiSquareSurvival(x * x, 1) / 2;
  return x > 0 ? 1 - tail : tail;
}

/** By bisection of the distribution function. */
export function normalQuantile(p: number): number {
  let [low, high] = [-9, 9];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** ln Γ(k/2) of a whole k > 0. */
function logGammaHalf(k: number): number {
  let [sum, at] = k % 2 === 1 ? [Math.log(Math.PI) / 2, 1] : [0, 2];
  for (; at < k; at += 2) sum += Math.log(at / 2);
  return sum;
}

function seriesBelow(a: number, x: number): number {
  let term = 1 / a;
  let sum = term;
  for (let n = 1; term > sum * 1e-16; n++) {
    term *= x / (a + n);
    sum += term;
  }
  return sum;
}

/** The continued fraction, from its far end. */
function fractionAbove(a: number, x: number): number {
  let value = 0;
  for (let n = 200; n >= 1; n--) value = (n * (a - n)) / (x + 2 * n + 1 - a + value);
  return 1 / (x + 1 - a + value);
}
