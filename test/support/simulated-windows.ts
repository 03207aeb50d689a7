/**
 * Made-up windows of a model whose features are histograms: bins of equal mass without drift, a shifted normal with it. They
 * are measured by what measures the monitor's windows.
 *
 * Reference and windows are both samples, and all windows are compared with one sample of the reference, whose error they
 * share. Features may be correlated: a share of the rows has the same bin in all features, drawn once.
 */

import { SeededRandom } from "../../engine/core/seeded-random.ts";
import type { ColumnEvidence, WindowEvidence } from "../../engine/monitor/drift/window-evidence.ts";
import { measureWindow, toEvidence } from "../../engine/monitor/drift/window-measures.ts";
import type { NumberProfile, ReferenceProfile } from "../../engine/monitor/references/reference-profile.ts";
import { normalCdf, normalQuantile } from "./distributions.ts";
import { drawCounts } from "./multinomial.ts";

export const WINDOW_MS = 300_000;

export interface SimulationOptions {
  readonly seed: number;
  readonly features: number;
  readonly bins: number;
  readonly rows: number;
  readonly referenceRows: number;
  /** Share of rows whose bin is the same in all features; 0: independent ones. */
  readonly commonShare?: number;
  /** Latest draws of `rows` that a window is the sum of, so that it slides by one draw; 1: windows do not overlap. */
  readonly panes?: number;
}

export interface Simulation {
  /** The next window; the first `shifted` features are drawn from `probabilities` instead of equal bins. */
  next(shifted?: number, probabilities?: readonly number[]): WindowEvidence;
}

export function createSimulation(options: SimulationOptions): Simulation {
  const { features, bins, referenceRows } = options;
  const random = new SeededRandom(options.seed);
  const uniform = (): number => random.uniform();
  const equal = Array.from({ length: bins }, () => 1 / bins);
  const names = Array.from({ length: features }, (_, index) => `f${String(index).padStart(3, "0")}`);
  const draw = (rows: number, shifted: number, probabilities: readonly number[]): number[][] => {
    const commonRows = Math.round(rows * (options.commonShare ?? 0));
    const common = drawCounts(commonRows, equal, uniform);
    return names.map((_, index) => {
      // A shifted feature is not correlated with others: mixed rows would weaken the shift.
      if (index < shifted) return drawCounts(rows, probabilities, uniform);
      return drawCounts(rows - commonRows, equal, uniform).map((own, bin) => own + (common[bin] as number));
    });
  };
  const profile = toProfile(names, draw(referenceRows, 0, equal));
  const panes: number[][][] = [];
  const panesMax = options.panes ?? 1;
  let startMs = 0;

  return {
    next(shifted = 0, probabilities = equal) {
      if (panes.push(draw(options.rows, shifted, probabilities)) > panesMax) panes.shift();
      const slots = toSlots(
        names.map((_, index) =>
          equal.map((__, bin) => total(panes.map((pane) => pane[index]?.[bin] as number))),
        ),
      );
      const columns = toEvidence(measureWindow(profile, slots), slots);
      startMs += WINDOW_MS;
      const endMs = startMs + panesMax * WINDOW_MS;
      const series = { model: "simulated", version: "1.0.0", variant: null, referenceId: "r1" };
      return { ...series, startMs, endMs, columns };
    },
  };
}

/** Masses of N(shift, 1) in bins that have equal mass under N(0, 1); the PSI between these two normals is shift². */
export function shiftedNormal(bins: number, shift: number): number[] {
  const below = Array.from({ length: bins + 1 }, (_, edge) =>
    edge === 0 ? 0 : edge === bins ? 1 : normalCdf(normalQuantile(edge / bins) - shift),
  );
  return Array.from({ length: bins }, (_, bin) => (below[bin + 1] as number) - (below[bin] as number));
}

/** The PSI of such a shift as these bins show it: a little less than shift². */
export function binnedPsi(bins: number, shift: number): number {
  return psiOf(shiftedNormal(bins, shift), shiftedNormal(bins, 0));
}

/** The shift whose PSI on these bins is `psi`, up to 2 deviations; by bisection. */
export function shiftOfPsi(bins: number, psi: number): number {
  let [low, high] = [0, 2];
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2;
    if (binnedPsi(bins, middle) < psi) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** PSI between masses, neither of them 0. */
function psiOf(current: readonly number[], reference: readonly number[]): number {
  return current.reduce((sum, p, bin) => {
    const q = reference[bin] as number;
    return sum + (p - q) * Math.log(p / q);
  }, 0);
}

/**
 * The reference as a profile of numbers: bin k of the draws is the interval (k, k + 1], and the engine's guard bins on both
 * sides of all are empty, as they are in a reference.
 */
function toProfile(names: readonly string[], counts: readonly (readonly number[])[]): ReferenceProfile {
  const rows = total(counts[0] as readonly number[]);
  const columns = names.map((name, index): NumberProfile => {
    const drawn = counts[index] as readonly number[];
    const edges = Array.from({ length: drawn.length + 1 }, (_, edge) => edge);
    const range = { mean: drawn.length / 2, std: drawn.length / Math.sqrt(12), min: 0.5, max: drawn.length };
    const fields = {
      name,
      role: "input",
      type: "number",
      state: "varying",
      count: rows,
      null_count: 0,
    } as const;
    return { ...fields, edges, counts: [0, ...drawn, 0], ...range };
  });
  return { format: 1, bins: counts[0]?.length ?? 0, rows, columns };
}

/** Counts as the monitor adds them up: a slot per bin of the profile, and none of null. */
function toSlots(counts: readonly (readonly number[])[]): Float64Array {
  return Float64Array.from(counts.flatMap((drawn) => [0, ...drawn, 0, 0]));
}

/** A column in which nothing has changed. */
export function quietColumn(column: string, rows = 1_000, referenceRows = 10_000): ColumnEvidence {
  return {
    column,
    kind: "number",
    referenceKind: "number",
    rows,
    referenceRows,
    psiCorrected: 0,
    pValue: 0.5,
    nullRate: 0,
    referenceNullRate: 0,
    unseenRate: 0,
    referenceUnseenRate: 0,
    outOfRangeRate: 0,
    isConstant: false,
    referenceTopShare: 0.1,
  };
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
