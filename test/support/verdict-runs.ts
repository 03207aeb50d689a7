/** Runs of simulated windows through verdict and incidents: a month without drift, and the wait after a shift. */
import type { DriftSettings } from "../../engine/monitor/drift/drift-settings.ts";
import { createIncidentState, fold, type IncidentChange } from "../../engine/monitor/drift/incident.ts";
import { judgeWindow } from "../../engine/monitor/drift/window-verdict.ts";
import { createSimulation, type SimulationOptions, shiftedNormal } from "./simulated-windows.ts";

/** Of five minutes. */
export const MONTH_WINDOWS = 30 * 24 * 12;
const SERIES = { model: "simulated", version: "1.0.0", variant: null };

export interface QuietRun {
  readonly tests: number;
  readonly incidents: number;
  /** Of single columns in single windows: what persistence is there for. */
  readonly driftVerdicts: number;
  /** P-values before correction at or below 0.01: of a good test, every hundredth. */
  readonly belowOnePercent: number;
}

export function monthWithoutDrift(options: SimulationOptions, settings: DriftSettings): QuietRun {
  const simulation = createSimulation(options);
  let state = createIncidentState(SERIES);
  let [incidents, driftVerdicts, belowOnePercent] = [0, 0, 0];
  for (let window = 0; window < MONTH_WINDOWS; window++) {
    const evidence = simulation.next();
    const verdict = judgeWindow(evidence, settings);
    const folded = fold(state, verdict, settings);
    state = folded.state;
    incidents += folded.changes.filter(isOpening).length;
    driftVerdicts += verdict.columns.filter((column) => column.verdict === "drift").length;
    belowOnePercent += evidence.columns.filter(({ pValue }) => (pValue ?? 1) <= 0.01).length;
  }
  return { tests: MONTH_WINDOWS * options.features, incidents, driftVerdicts, belowOnePercent };
}

/** The first `shifted` features become N(shift, 1) where the reference is N(0, 1). */
export interface Injection {
  readonly shifted: number;
  readonly shift: number;
  readonly windowsMax: number;
}

/** Windows from the shift, behind ten without one, until the incident opens; Infinity if it does not within `windowsMax`. */
export function windowsToOpen(
  options: SimulationOptions,
  settings: DriftSettings,
  { shifted, shift, windowsMax }: Injection,
): number {
  const simulation = createSimulation(options);
  const probabilities = shiftedNormal(options.bins, shift);
  let state = createIncidentState(SERIES);
  for (let window = -9; window <= windowsMax; window++) {
    const evidence = window <= 0 ? simulation.next() : simulation.next(shifted, probabilities);
    const folded = fold(state, judgeWindow(evidence, settings), settings);
    state = folded.state;
    if (folded.changes.some(isOpening)) return window;
  }
  return Infinity;
}

/** Median, 95 % and worst, as cells of a table. */
export function spread(windows: readonly number[]): string {
  const sorted = windows.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? Infinity;
  return [0.5, 0.95, 1].map((share) => (Number.isFinite(at(share)) ? `${at(share)}` : "not")).join(" | ");
}

function isOpening({ change }: IncidentChange): boolean {
  return change === "opened";
}
