/**
 * What the verdict's defaults do, by simulation: false incidents in 30 days without drift, and windows until an injected
 * shift is an incident. `node dist/bench/verdict-simulation.js ['{"windows_needed":4}']`, about six minutes; the same
 * numbers every time. Windows are made up as counts, and measured and judged by the monitor's own functions.
 */
import { type DriftSettings, parseDriftSettings } from "../engine/monitor/drift/drift-settings.ts";
import { binnedPsi, shiftOfPsi } from "../test/support/simulated-windows.ts";
import { monthWithoutDrift, spread, windowsToOpen } from "../test/support/verdict-runs.ts";

const FEATURES = 30;
const BINS = 20;
const RUNS = 200;

/** One line of the table without drift: thirty independent features, twenty bins, one month, unless it says otherwise. */
interface QuietCase {
  readonly rows: number;
  readonly referenceRows: number;
  readonly features?: number;
  readonly bins?: number;
  readonly commonShare?: number;
  readonly panes?: number;
  readonly months?: number;
}

const QUIET_CASES: readonly QuietCase[] = [
  ...[10_000, 100_000].flatMap((referenceRows) =>
    [0, 0.8].flatMap((commonShare) =>
      [200, 1_000, 10_000].map((rows) => ({ rows, referenceRows, commonShare })),
    ),
  ),
  { rows: 1_000, referenceRows: 1_000 },
  { rows: 200, referenceRows: 10_000, panes: 5 },
  { rows: 200, referenceRows: 10_000, bins: 10 },
  { rows: 200, referenceRows: 10_000, bins: 64 },
  { rows: 200, referenceRows: 10_000, months: 10 },
  { rows: 200, referenceRows: 10_000, features: 1, months: 50 },
  { rows: 200, referenceRows: 10_000, features: 3, months: 50 },
];

function printWithoutDrift(settings: DriftSettings): void {
  console.log(
    "| features | bins | reference | rows | months | tests | drift verdicts | p <= 0.01 | false incidents |",
  );
  for (const [index, { months = 1, ...one }] of QUIET_CASES.entries()) {
    const options = { features: FEATURES, bins: BINS, ...one };
    const found = Array.from({ length: months }, (_, month) =>
      monthWithoutDrift({ ...options, seed: 1_000 * index + month + 1 }, settings),
    );
    const sum = (field: keyof (typeof found)[number]) => found.reduce((all, run) => all + run[field], 0);
    const below = `${((sum("belowOnePercent") / sum("tests")) * 100).toFixed(2)} %`;
    const features = `${options.features}${one.commonShare ? `, r = ${one.commonShare}` : ""}`;
    const rows = `${one.rows}${one.panes === undefined ? "" : ` x ${one.panes}, sliding`}`;
    const cells = [
      features,
      options.bins,
      one.referenceRows,
      rows,
      months,
      sum("tests"),
      sum("driftVerdicts"),
      below,
    ];
    console.log(`| ${[...cells, sum("incidents")].join(" | ")} |`);
  }
}

function printShifts(settings: DriftSettings): void {
  console.log(`\n| PSI | binned | rows | shifted of ${FEATURES} | median | 95 % | worst of ${RUNS} |`);
  for (const psi of [0.1, 0.25])
    for (const size of [{ rows: 200 }, { rows: 200, panes: 5 }, { rows: 1_000 }, { rows: 10_000 }])
      for (const shifted of [1, 5, FEATURES]) {
        const options = { features: FEATURES, bins: BINS, referenceRows: 10_000, ...size };
        const windows = Array.from({ length: RUNS }, (_, run) =>
          windowsToOpen({ ...options, seed: run + 1 }, settings, {
            shifted,
            shift: Math.sqrt(psi),
            windowsMax: 500,
          }),
        );
        const rows = "panes" in size ? `${size.rows} x ${size.panes}, sliding` : `${size.rows}`;
        const binned = binnedPsi(BINS, Math.sqrt(psi)).toFixed(4);
        console.log(`| ${psi} | ${binned} | ${rows} | ${shifted} | ${spread(windows)} |`);
      }
}

function printSmallShifts(settings: DriftSettings): void {
  const runs = 20;
  console.log(`\n| binned PSI of one feature, 1,000 rows | opened within 30 days | median | 95 % | worst |`);
  for (const psi of [0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.09, 0.1]) {
    const options = { features: 1, bins: BINS, rows: 1_000, referenceRows: 10_000 };
    const injected = { shifted: 1, shift: shiftOfPsi(BINS, psi), windowsMax: 8_640 };
    const windows = Array.from({ length: runs }, (_, run) =>
      windowsToOpen({ ...options, seed: run + 1 }, settings, injected),
    );
    console.log(`| ${psi} | ${windows.filter(Number.isFinite).length} of ${runs} | ${spread(windows)} |`);
  }
}

const settings = parseDriftSettings(JSON.parse(process.argv[2] ?? "{}"));
printWithoutDrift(settings);
printShifts(settings);
printSmallShifts(settings);
