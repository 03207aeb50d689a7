/**
 * The logarithm of the gamma function and what Stirling's formula misses of it, to a few units in the last place.
 */

const HALF_LOG_2_PI = 0.5 * Math.log(2 * Math.PI);
/** From here on the series below is exact to 1e-16: its first term left out is 1 / (156 x^13). */
const SERIES_FROM = 16;

/**
 * ln Γ(x + 1) − (x + ½) ln x + x − ½ ln 2π, for x > 0: the error of Stirling's formula for x!. The asymptotic series of
 * Abramowitz & Stegun 6.1.41; for smaller x its argument is raised by Γ(x + 1) = x Γ(x).
 */
export function stirlingError(x: number): number {
  if (x >= SERIES_FROM) return stirlingSeries(x);
  return logGamma(x + 1) - (x + 0.5) * Math.log(x) + x - HALF_LOG_2_PI;
}

/** ln Γ(x) for x > 0. */
export function logGamma(x: number): number {
  let product = 1;
  let raised = x;
  while (raised < SERIES_FROM) product *= raised++;
  return (
    (raised - 0.5) * Math.log(raised) - raised + HALF_LOG_2_PI + stirlingSeries(raised) - Math.log(product)
  );
}

function stirlingSeries(x: number): number {
  const y = 1 / (x * x);
  const inner = 1 / 1680 - y * (1 / 1188 - y * (691 / 360360));
  return (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * inner))) / x;
}
