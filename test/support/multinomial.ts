/**
 * Seeded multinomial counts: what a histogram of independent rows holds, without drawing the rows.
 *
 * Exact, not a normal approximation: the simulations that use it look at tails. Binomials by inversion, or by transformed
 * rejection (Hörmann, J. Statist. Comput. Simul. 46 (1993), algorithm BTRS) where their mean is 10 or more.
 */

const TRIALS_MAX = 100_000;
const LOG_FACTORIALS = new Float64Array(TRIALS_MAX + 1);
for (let k = 2; k <= TRIALS_MAX; k++) LOG_FACTORIALS[k] = (LOG_FACTORIALS[k - 1] as number) + Math.log(k);

/** @param uniform gives numbers in [0, 1). Probabilities need not add up to 1. At most 100,000 rows. */
export function drawCounts(rows: number, probabilities: readonly number[], uniform: () => number): number[] {
  if (rows > TRIALS_MAX) throw new Error(`${rows} rows, more than ${TRIALS_MAX}`);
  let rowsLeft = rows;
  let massLeft = probabilities.reduce((sum, p) => sum + p, 0);
  return probabilities.map((p, index) => {
    const share = index === probabilities.length - 1 ? 1 : Math.min(1, p / massLeft);
    const count = drawBinomial(rowsLeft, share, uniform);
    rowsLeft -= count;
    massLeft -= p;
    return count;
  });
}

function drawBinomial(trials: number, p: number, uniform: () => number): number {
  if (p >= 1) return trials;
  if (p > 0.5) return trials - drawBinomial(trials, 1 - p, uniform);
  return trials * p < 10 ? byInversion(trials, p, uniform) : byRejection(trials, p, uniform);
}

function byInversion(trials: number, p: number, uniform: () => number): number {
  let mass = (1 - p) ** trials;
  let left = uniform();
  let k = 0;
  for (; left > mass && k < trials; k++) {
    left -= mass;
    mass *= ((trials - k) / (k + 1)) * (p / (1 - p));
  }
  return k;
}

function byRejection(trials: number, p: number, uniform: () => number): number {
  const deviation = Math.sqrt(trials * p * (1 - p));
  const b = 1.15 + 2.53 * deviation;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const alpha = (2.83 + 5.1 / b) * deviation;
  const mode = Math.floor((trials + 1) * p);
  const logOdds = Math.log(p / (1 - p));
  for (;;) {
    const u = uniform() - 0.5;
    const v = uniform();
    const edge = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / edge + b) * u + trials * p + 0.5);
    if (edge >= 0.07 && v <= 0.92 - 4.2 / b) return k;
    if (!(k >= 0 && k <= trials)) continue;
    const logMass = logWays(trials, k) - logWays(trials, mode) + (k - mode) * logOdds;
    if (Math.log((v * alpha) / (a / (edge * edge) + b)) <= logMass) return k;
  }
}

/** ln of the number of ways to choose `k` of `trials`. */
function logWays(trials: number, k: number): number {
  const factorial = (n: number) => LOG_FACTORIALS[n] as number;
  return factorial(trials) - factorial(k) - factorial(trials - k);
}
