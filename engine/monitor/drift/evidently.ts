/**
 * Mode `evidently`: PSI, KL, Jensen-Shannon and Wasserstein as Evidently's stat tests compute them, for comparing with a
 * dashboard that exists. Nothing here decides about drift: its bins move with the window, and its fill of empty bins
 * jumps (see DECISIONS.md).
 *
 * Numbers with more than 20 distinct values in the reference are cut into Sturges' equal-width bins over both samples
 * together, others into one bin per value; null and infinite values are left out. The logarithm is the natural one.
 */
import { wasserstein } from "./exact-distance.ts";
import { sortedFloat32 } from "./float32-order.ts";
import { finiteOf, firstNotBelow } from "./sorted-counts.ts";

export interface EvidentlyMeasures {
  readonly psi: number;
  /** KL(reference ‖ current). */
  readonly klDiv: number;
  /** Distance, natural logarithm: at most √ln 2. */
  readonly jensenshannon: number;
  /** W1 over the reference's standard deviation, that being at least 0.001. Numbers only. */
  readonly wasserstein?: number;
}

const DISTINCT_MAX = 20;

/** Undefined when one of the samples has no finite number. */
export function evidentlyOfNumbers(
  reference: Float32Array,
  current: Float32Array,
): EvidentlyMeasures | undefined {
  const left = finiteOf(sortedFloat32(reference));
  const right = finiteOf(sortedFloat32(current));
  if (left.length === 0 || right.length === 0) return undefined;
  const masses = hasMoreDistinct(left) ? sturgesMasses(left, right) : valueMasses(left, right);
  const norm = Math.max(standardDeviation(left), 0.001);
  return { ...divergences(masses), wasserstein: wasserstein(left, right) / norm };
}

/** Undefined when one of the samples has no text. null and "" are left out. */
export function evidentlyOfTexts(
  reference: readonly (string | null)[],
  current: readonly (string | null)[],
): EvidentlyMeasures | undefined {
  const left = reference.filter((text) => text !== null && text !== "");
  const right = current.filter((text) => text !== null && text !== "");
  return left.length === 0 || right.length === 0 ? undefined : divergences(valueMasses(left, right));
}

/** Shares per bin of both samples. */
type Masses = readonly [reference: readonly number[], current: readonly number[]];

function hasMoreDistinct(sorted: Float32Array): boolean {
  let distinct = 0;
  for (let at = 0; at < sorted.length && distinct <= DISTINCT_MAX; at++)
    if (at === 0 || sorted[at] !== sorted[at - 1]) distinct++;
  return distinct > DISTINCT_MAX;
}

function valueMasses(left: ArrayLike<unknown>, right: ArrayLike<unknown>): Masses {
  const countsOfLeft = countValues(left);
  const countsOfRight = countValues(right);
  const values = [...new Set([...countsOfLeft.keys(), ...countsOfRight.keys()])];
  return [
    values.map((value) => (countsOfLeft.get(value) ?? 0) / left.length),
    values.map((value) => (countsOfRight.get(value) ?? 0) / right.length),
  ];
}

function countValues(values: ArrayLike<unknown>): Map<unknown, number> {
  const counts = new Map<unknown, number>();
  for (let at = 0; at < values.length; at++) counts.set(values[at], (counts.get(values[at]) ?? 0) + 1);
  return counts;
}

/** numpy.histogram over numpy.histogram_bin_edges(both, "sturges"): bins are closed on the left, the last on both sides. */
function sturgesMasses(left: Float32Array, right: Float32Array): Masses {
  const low = Math.min(left[0] as number, right[0] as number);
  const high = Math.max(left.at(-1) as number, right.at(-1) as number);
  const width = (high - low) / (Math.log2(left.length + right.length) + 1);
  const bins = Math.max(1, Math.ceil((high - low) / width));
  const edges = Array.from({ length: bins }, (_, at) => at * ((high - low) / bins) + low);
  const massesOf = (sorted: Float32Array) => {
    const starts = edges.map((edge) => firstNotBelow(sorted, edge));
    return starts.map((start, at) => ((starts[at + 1] ?? sorted.length) - start) / sorted.length);
  };
  return [massesOf(left), massesOf(right)];
}

function divergences([reference, current]: Masses): EvidentlyMeasures {
  const p = withoutZeros(reference);
  const q = withoutZeros(current);
  const totalP = sumOf(p);
  const totalQ = sumOf(q);
  let psi = 0;
  let klDiv = 0;
  let divergence = 0;
  p.forEach((mass, bin) => {
    const other = q[bin] as number;
    psi += (mass - other) * Math.log(mass / other);
    klDiv += (mass / totalP) * Math.log((mass / totalP) * (totalQ / other));
    const shares = [reference[bin] as number, current[bin] as number] as const;
    for (const share of shares)
      if (share > 0) divergence += (share / 2) * Math.log((2 * share) / (shares[0] + shares[1]));
  });
  return { psi, klDiv, jensenshannon: Math.sqrt(Math.max(0, divergence)) };
}

function sumOf(masses: readonly number[]): number {
  return masses.reduce((sum, mass) => sum + mass, 0);
}

/** Empty bins get a mass that depends on the smallest other one; the sum grows beyond 1. */
function withoutZeros(masses: readonly number[]): number[] {
  const least = Math.min(...masses.filter((mass) => mass > 0));
  const fill = least <= 0.0001 ? least / 1e6 : 0.0001;
  return masses.map((mass) => (mass === 0 ? fill : mass));
}

/** Divided by n, as numpy.std. */
function standardDeviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
