/**
 * The law of the one-sample, two-sided Kolmogorov-Smirnov statistic for n values: P(D > x). SciPy's kstwo, which its
 * two-sample test takes as the asymptotic law with n = n1 n2 / (n1 + n2).
 *
 * The regions are those of Simard & L'Ecuyer, "Computing the two-sided Kolmogorov-Smirnov distribution", J. Stat. Softw.
 * 39 (2011): Durbin's matrix (exact), Pelz and Good's series, and twice the one-sided tail. Absolute accuracy 1e-10.
 */
import { stirlingError } from "./log-gamma.ts";

const N_SMALL = 140;
const N_OF_MATRIX_MAX = 100_000;
/** Below this n x² the law is 0 within 1e-12. */
const NX2_NONE = 0.04;
/** Points at which the one-sided sum is evaluated: above, every h-th term stands for h, which a smooth hump allows. */
const TERMS_MAX = 1024;

/** `n` whole, at least 1. */
export function kolmogorovTail(n: number, x: number): number {
  if (Number.isNaN(x)) return x;
  const nx = n * x;
  const nx2 = nx * x;
  if (x >= 1) return 0;
  if (nx <= 0.5) return 1;
  if (nx >= n - 1 || x >= 0.5 || nx2 >= (n <= N_SMALL ? 4 : 2.2)) return Math.min(1, 2 * oneSidedTail(n, x));
  if (nx2 < NX2_NONE) return 1;
  const isOfMatrix = n <= N_SMALL || (n <= N_OF_MATRIX_MAX && n * x ** 1.5 <= 1.4);
  return clipped(1 - (isOfMatrix ? durbinMatrix(n, x) : pelzGood(n, x)));
}

function clipped(probability: number): number {
  return Math.min(1, Math.max(0, probability));
}

/**
 * P(D+ > x) = x Σ_j C(n, j) (x + j/n)^(j-1) (1 - x - j/n)^(n-j) over 0 <= j <= n (1 - x): Birnbaum & Tingey (1951).
 * Each term is a binomial probability, taken by Loader's saddle point form, which loses no digits for large n.
 */
function oneSidedTail(n: number, x: number): number {
  const last = Math.floor(n * (1 - x));
  const step = Math.max(1, Math.floor(n / TERMS_MAX));
  const errorOfN = stirlingError(n);
  let sum = step > 1 ? 0 : Math.exp(n * Math.log1p(-x)) / x;
  for (let j = 1; j <= last; j += step) {
    const rest = n - j;
    const share = x + j / n;
    if (rest === 0 || share >= 1) continue;
    const deviance = -j * Math.log1p((n * x) / j) - rest * Math.log1p((-n * x) / rest);
    const stirling = errorOfN - stirlingError(j) - stirlingError(rest);
    sum += (Math.sqrt(n / (2 * Math.PI * j * rest)) * Math.exp(stirling - deviance)) / share;
  }
  return x * sum * step;
}

/** P(D <= x), exact, by a power of a matrix: Marsaglia, Tsang & Wang, J. Stat. Softw. 8 (2003), after Durbin (1973). */
function durbinMatrix(n: number, x: number): number {
  const k = Math.floor(n * x) + 1;
  const h = k - n * x;
  const size = 2 * k - 1;
  let { matrix, exponent } = matrixPower(transitions(size, h), size, n);
  let probability = matrix[(k - 1) * size + k - 1] as number;
  for (let i = 1; i <= n; i++) {
    probability *= i / n;
    if (probability < 1e-140) {
      probability *= 1e140;
      exponent -= 140;
    }
  }
  return probability * 10 ** exponent;
}

function transitions(size: number, h: number): Float64Array {
  const matrix = new Float64Array(size * size);
  const set = (row: number, column: number, value: number) => {
    matrix[row * size + column] = (matrix[row * size + column] as number) + value;
  };
  for (let row = 0; row < size; row++)
    for (let column = 0; column <= Math.min(row + 1, size - 1); column++) set(row, column, 1);
  for (let i = 0; i < size; i++) {
    set(i, 0, -(h ** (i + 1)));
    set(size - 1, i, -(h ** (size - i)));
  }
  if (2 * h > 1) set(size - 1, 0, (2 * h - 1) ** size);
  for (let row = 0; row < size; row++)
    for (let column = 0; column <= row; column++) {
      let factorial = 1;
      for (let i = 2; i <= row - column + 1; i++) factorial *= i;
      matrix[row * size + column] = (matrix[row * size + column] as number) / factorial;
    }
  return matrix;
}

interface Scaled {
  readonly matrix: Float64Array;
  /** The matrix is to be multiplied by 10 to this power. */
  exponent: number;
}

function matrixPower(base: Float64Array, size: number, power: number): Scaled {
  if (power === 1) return { matrix: base, exponent: 0 };
  const half = matrixPower(base, size, Math.floor(power / 2));
  let matrix = product(half.matrix, half.matrix, size);
  let exponent = 2 * half.exponent;
  if (power % 2 === 1) matrix = product(base, matrix, size);
  const middle = Math.floor(size / 2) * size + Math.floor(size / 2);
  if ((matrix[middle] as number) > 1e140) {
    matrix = matrix.map((value) => value * 1e-140);
    exponent += 140;
  }
  return { matrix, exponent };
}

function product(left: Float64Array, right: Float64Array, size: number): Float64Array {
  const result = new Float64Array(size * size);
  for (let row = 0; row < size; row++)
    for (let inner = 0; inner < size; inner++) {
      const factor = left[row * size + inner] as number;
      for (let column = 0; column < size; column++)
        result[row * size + column] =
          (result[row * size + column] as number) + factor * (right[inner * size + column] as number);
    }
  return result;
}

/** P(D <= x) by the series of Pelz & Good, J. R. Stat. Soc. B 38 (1976), up to n^(-3/2). */
function pelzGood(n: number, x: number): number {
  const z2 = n * x * x;
  const z = Math.sqrt(z2);
  const z4 = z2 * z2;
  const z6 = z4 * z2;
  const sums = new Float64Array(4);
  let extra2 = 0;
  let extra3 = 0;
  for (let k = Math.ceil((16 * z) / Math.PI); k >= 1; k--) {
    const a = (Math.PI * (k - 0.5)) ** 2;
    const weight = Math.exp(-a / (2 * z2));
    const factors = [
      1,
      a - z2,
      6 * z6 + 2 * z4 + (2 * z4 - 5 * z2) * a + (1 - 2 * z2) * a * a,
      -30 * z6 -
        90 * z4 * z4 +
        (135 * z4 - 96 * z6) * a +
        (212 * z4 - 60 * z2) * a * a +
        (5 - 30 * z2) * a ** 3,
    ];
    factors.forEach((factor, at) => {
      sums[at] = (sums[at] as number) + factor * weight;
    });
    const b = (Math.PI * k) ** 2;
    const other = b * Math.exp(-b / (2 * z2));
    extra2 += other;
    extra3 += (3 * z2 - b) * other;
  }
  const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = sums;
  const terms = [
    s0 / z,
    s1 / (6 * z4),
    s2 / (72 * z6 * z) - extra2 / (36 * z2 * z),
    s3 / (6480 * z6 * z4) + extra3 / (216 * z6),
  ];
  return Math.sqrt(2 * Math.PI) * terms.reduce((sum, term, power) => sum + term / n ** (power / 2), 0);
}
