/**
 * The paired bootstrap: how far the difference of two models' metrics would move if other rows of the same kind had come. Each resample
 * draws as many rows as there are, with replacement, and measures both models on them (Efron and Tibshirani 1993, chapter 13).
 *
 * Intervals are percentiles where both tails hold TAIL_MIN resamples; a narrower tail (one slice of many) is that of the normal law
 * with the resamples' standard deviation. Rows are taken to be independent of each other.
 *
 * Bound: rows × resamples is at most DRAWS_MAX, some two seconds; never fewer than RESAMPLES_MIN.
 */
import { twoSidedP } from "../../core/normal-law.ts";
import { SeededRandom } from "../../core/seeded-random.ts";
import { normalInterval } from "../../monitor/performance/intervals.ts";
import type { Interval } from "../../monitor/performance/metric-value.ts";

const DRAWS_MAX = 40_000_000;
const RESAMPLES_MIN = 200;
const TAIL_MIN = 5;
/** Resamples in which a metric has no value, such as one without a row of a class, say nothing of it; this many may be passed over. */
const UNDEFINED_SHARE_MAX = 0.01;
/** A difference this far below the largest is rounding of none. */
const ROUNDING = 1e-9;
const UNBOUNDED = { low: null, high: null } as const;

export interface BootstrapSettings {
  readonly confidence: number;
  readonly resamples: number;
  readonly seed: number;
}

export interface BootstrapTest {
  readonly mode: "bootstrap_percentile" | "bootstrap_normal";
  readonly interval: Interval;
  /** Two-sided, of no difference. */
  readonly p: number;
}

/**
 * @param differences writes the difference of each metric into `out`, NaN where it has none; rows count as `counts` says.
 * @param observed those of the rows themselves.
 * @returns per metric, undefined where too many resamples have no value.
 */
export function pairedBootstrap(
  differences: (counts: Uint32Array, out: Float64Array) => void,
  observed: Float64Array,
  rows: number,
  { confidence, resamples, seed }: BootstrapSettings,
): (BootstrapTest | undefined)[] {
  const count = Math.max(RESAMPLES_MIN, Math.min(resamples, Math.floor(DRAWS_MAX / rows)));
  const random = new SeededRandom(seed);
  const counts = new Uint32Array(rows);
  const drawn = Array.from(observed, () => new Float64Array(count));
  const out = new Float64Array(observed.length);
  for (let resample = 0; resample < count; resample += 1) {
    counts.fill(0);
    for (let draw = 0; draw < rows; draw += 1) {
      const row = random.below(rows);
      counts[row] = (counts[row] as number) + 1;
    }
    differences(counts, out);
    for (const [at, values] of drawn.entries()) values[resample] = out[at] as number;
  }
  return drawn.map((values, at) => testOf(values, observed[at] as number, confidence));
}

function testOf(drawn: Float64Array, observed: number, confidence: number): BootstrapTest | undefined {
  const values = drawn.filter((value) => Number.isFinite(value)).sort();
  if (values.length < drawn.length * (1 - UNDEFINED_SHARE_MAX)) return undefined;
  const tail = (1 - confidence) / 2;
  if (tail * values.length < TAIL_MIN) {
    const error = deviationOf(values);
    const interval = normalInterval(observed, error, confidence, UNBOUNDED);
    const p = error > 0 ? twoSidedP(observed / error) : observed === 0 ? 1 : 0;
    return { mode: "bootstrap_normal", interval, p };
  }
  const interval = { low: percentile(values, tail), high: percentile(values, 1 - tail) };
  const nothing = ROUNDING * Math.max(...[values[0], values.at(-1)].map((end) => Math.abs(end ?? 0)));
  const atMostZero = values.reduce((sum, value) => sum + (value <= nothing ? 1 : 0), 0);
  const atLeastZero = values.reduce((sum, value) => sum + (value >= -nothing ? 1 : 0), 0);
  // the rows as they are count as one more resample, so that p is never 0 (Davison and Hinkley 1997, 4.2)
  const p = Math.min(1, (2 * (1 + Math.min(atMostZero, atLeastZero))) / (values.length + 1));
  return { mode: "bootstrap_percentile", interval, p };
}

/** Of sorted values, interpolated as numpy.percentile does. */
function percentile(values: Float64Array, share: number): number {
  const place = share * (values.length - 1);
  const below = Math.floor(place);
  const low = values[below] as number;
  const high = values[Math.min(below + 1, values.length - 1)] as number;
  return low + (high - low) * (place - below);
}

function deviationOf(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (values.length - 1));
}
