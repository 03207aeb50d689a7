/** The standard normal distribution to double precision; relative error of the upper tail below 1e-12. */

const SERIES_BELOW = 3;

/** P(Z > z): what is left above z. 0 from z = 38.6 on. */
export function normalUpperTail(z: number): number {
  if (z < 0) return 1 - normalUpperTail(-z);
  const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);
  return z < SERIES_BELOW ? 0.5 - density * seriesAt(z) : density / fractionAt(z);
}

/** P(|Z| > |z|): the p-value of a two-sided test. */
export function twoSidedP(z: number): number {
  return 2 * normalUpperTail(Math.abs(z));
}

/**
 * z with P(|Z| <= z) = confidence, e.g. 1.96 for 0.95.
 * @param confidence between 0 and 1, both excluded.
 */
export function zOfConfidence(confidence: number): number {
  if (confidence !== latest.confidence) latest = { confidence, z: bisectedZ(confidence) };
  return latest.z;
}

/** A bisection takes 20 µs, and all intervals of a report or a bootstrap's resamples have one confidence. */
let latest = { confidence: Number.NaN, z: Number.NaN };

function bisectedZ(confidence: number): number {
  const tail = (1 - confidence) / 2;
  let low = 0;
  let high = 40;
  for (let step = 0; step < 64; step += 1) {
    const middle = (low + high) / 2;
    if (normalUpperTail(middle) > tail) low = middle;
    else high = middle;
  }
  return high;
}

/** z + z^3/3 + z^5/(3·5) + …: times the density this is P(0 < Z < z). */
function seriesAt(z: number): number {
  let term = z;
  let sum = 0;
  for (let odd = 3; sum + term !== sum; odd += 2) {
    sum += term;
    term *= (z * z) / odd;
  }
  return sum;
}

/** z + 1/(z + 2/(z + 3/(z + …))), from the inside out: Laplace's continued fraction of the tail. */
function fractionAt(z: number): number {
  let fraction = z;
  for (let depth = 200; depth >= 1; depth -= 1) fraction = z + depth / fraction;
  return fraction;
}
