/**
 * What the verdict's defaults do, by simulation: false incidents in 30 days without drift, and windows until an injected
 * shift is an incident. `node dist/bench/verdict-simulation.js`, a minute or two; the same numbers every time.
 */
import { type DriftSettings, parseDriftSettings } from "../engine/monitor/drift-settings.ts";
import { createIncidentState, fold } from "../engine/monitor/incident.ts";
import { judgeWindow } from "../engine/monitor/window-verdict.ts";
import {
  createSimulation,
  psiOf,
  type SimulationOptions,
  shiftedNormal,
} from "../test/support/simulated-windows.ts";

const FEATURES = 30;
const MONTH_WINDOWS = 30 * 24 * 12;
const RUNS = 200;
const SERIES = { model: "simulated", version: "1.0.0", variant: null };

interface Quiet {
  readonly incidents: number;
  /** Of single features in single windows, which persistence holds back. */
  readonly driftVerdicts: number;
  /** Share of p-values, before correction, at or below 0.01. */
  readonly belowOnePercent: number;
}

function withoutDrift(options: SimulationOptions, settings: DriftSettings): Quiet {
  const simulation = createSimulation(options);
  let state = createIncidentState(SERIES);
  let [incidents, driftVerdicts, below] = [0, 0, 0];
  for (let window = 0; window < MONTH_WINDOWS; window++) {
    const measures = simulation.next();
    const verdict = judgeWindow(measures, settings);
    const folded = fold(state, verdict, settings);
    state = folded.state;
    incidents += folded.changes.filter(({ change }) => change === "opened").length;
    driftVerdicts += verdict.columns.filter((column) => column.verdict === "drift").length;
    below += measures.columns.filter(({ pValue }) => (pValue ?? 1) <= 0.01).length;
  }
  return { incidents, driftVerdicts, belowOnePercent: below / (MONTH_WINDOWS * FEATURES) };
}

/** Windows from the shift until the incident opens, Infinity if it does not within `windowsMax`. */
function windowsToOpen(
  options: SimulationOptions,
  settings: DriftSettings,
  shifted: number,
  shift: number,
  windowsMax: number,
): number {
  const simulation = createSimulation(options);
  const probabilities = shiftedNormal(options.bins, shift);
  let state = createIncidentState(SERIES);
  for (let window = 1 - settings.windows_considered; window <= windowsMax; window++) {
    const measures = window <= 0 ? simulation.next() : simulation.next(shifted, probabilities);
    const folded = fold(state, judgeWindow(measures, settings), settings);
    state = folded.state;
    if (folded.changes.some(({ change }) => change === "opened")) return window;
  }
  return Infinity;
}

function binnedPsi(bins: number, shift: number): number {
  return psiOf(shiftedNormal(bins, shift), shiftedNormal(bins, 0));
}

function printWithoutDrift(settings: DriftSettings): void {
  console.log(
    `no drift: ${MONTH_WINDOWS} windows of ${FEATURES} features, ${MONTH_WINDOWS * FEATURES} tests`,
  );
  console.log("| bins | features | reference | rows | false incidents | drift verdicts | p <= 0.01 |");
  for (const bins of [10, 20, 64])
    for (const commonShare of [0, 0.8])
      for (const referenceRows of [10_000, 100_000])
        for (const rows of [200, 1_000, 10_000]) {
          if (bins !== 20 && (commonShare > 0 || referenceRows > 10_000)) continue;
          const seed = bins * 1e6 + referenceRows + rows + commonShare;
          const found = withoutDrift(
            { seed, features: FEATURES, bins, rows, referenceRows, commonShare },
            settings,
          );
          const kind = commonShare === 0 ? "independent" : `r = ${commonShare}`;
          const share = `${(found.belowOnePercent * 100).toFixed(2)} %`;
          console.log(
            `| ${bins} | ${kind} | ${referenceRows} | ${rows} | ${found.incidents} | ${found.driftVerdicts} | ${share} |`,
          );
        }
}

function printShifts(settings: DriftSettings): void {
  console.log(`\na shift: windows until the incident opens, ${RUNS} runs, reference of 10,000`);
  console.log("| PSI | binned | rows | shifted features | median | 95 % | worst |");
  for (const psi of [0.1, 0.25])
    for (const rows of [200, 1_000, 10_000])
      for (const shifted of [1, 5, FEATURES]) {
        const base = { features: FEATURES, bins: 20, rows, referenceRows: 10_000 };
        const windows = Array.from({ length: RUNS }, (_, run) =>
          windowsToOpen({ ...base, seed: run + 1 }, settings, shifted, Math.sqrt(psi), 500),
        );
        const binned = binnedPsi(20, Math.sqrt(psi)).toFixed(3);
        console.log(`| ${psi} | ${binned} | ${rows} | ${shifted} | ${spread(windows)} |`);
      }
}

function printSmallShifts(settings: DriftSettings): void {
  console.log(
    "\nshifts below and at the level, one feature, 1,000 rows, 20 runs of 30 days: opened, and after how many windows",
  );
  console.log("| binned PSI | opened | median | 95 % | worst |");
  for (const psi of [0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1]) {
    const shift = shiftOf(psi);
    const windows = Array.from({ length: 20 }, (_, run) =>
      windowsToOpen(
        { features: 1, bins: 20, rows: 1_000, referenceRows: 10_000, seed: run + 1 },
        settings,
        1,
        shift,
        MONTH_WINDOWS,
      ),
    );
    console.log(`| ${psi} | ${windows.filter(Number.isFinite).length} of 20 | ${spread(windows)} |`);
  }
}

/** The shift whose PSI on 20 bins is `psi`, by bisection. */
function shiftOf(psi: number): number {
  let [low, high] = [0, 2];
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2;
    if (binnedPsi(20, middle) < psi) low = middle;
    else high = middle;
  }
  return low;
}

function spread(windows: readonly number[]): string {
  const sorted = windows.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? Infinity;
  return [at(0.5), at(0.95), at(1)]
    .map((count) => (Number.isFinite(count) ? `${count}` : "never"))
    .join(" | ");
}

const settings = parseDriftSettings(JSON.parse(process.argv[2] ?? "{}"));
printShifts(settings);
printSmallShifts(settings);
printWithoutDrift(settings);
