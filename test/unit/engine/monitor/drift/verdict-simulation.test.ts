/**
 * The defaults at work: no incidents without drift, and how long a shift takes to be one. A small version of
 * bench/verdict-simulation with fixed seeds; before that, what the simulation itself rests on.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../../../engine/core/seeded-random.ts";
import { parseDriftSettings } from "../../../../../engine/monitor/drift/drift-settings.ts";
import { createIncidentState, fold } from "../../../../../engine/monitor/drift/incident.ts";
import { judgeWindow } from "../../../../../engine/monitor/drift/window-verdict.ts";
import { chiSquareSurvival, normalCdf, normalQuantile } from "../../../../support/distributions.ts";
import { drawCounts } from "../../../../support/multinomial.ts";
import { binnedPsi, createSimulation, shiftedNormal } from "../../../../support/simulated-windows.ts";
import { assertRelative, verdictGolden } from "../../../../support/verdict-golden.ts";
import { monthWithoutDrift, windowsToOpen } from "../../../../support/verdict-runs.ts";

const defaults = parseDriftSettings({});
const THIRTY = { seed: 1, features: 30, bins: 20, rows: 200, referenceRows: 10_000 };

describe("the simulation of windows", () => {
  it("has SciPy's chi-square and normal probabilities", () => {
    for (const { x, degrees, survival } of verdictGolden.chi_square)
      assertRelative(chiSquareSurvival(x, degrees), survival, 1e-11);
    for (const { x, cdf } of verdictGolden.normal) assertRelative(normalCdf(x), cdf, 1e-11);
    for (const p of [0.001, 0.3, 0.5, 0.95]) assertRelative(normalCdf(normalQuantile(p)), p, 1e-12);
  });

  it("draws counts whose means and variances are a multinomial's, by both ways of drawing", () => {
    const draws = 20_000;
    const probabilities = [0.5, 0.3, 0.15, 0.05];
    for (const rows of [12, 150, 5_000]) {
      const random = new SeededRandom(rows);
      const uniform = (): number => random.uniform();
      const drawn = Array.from({ length: draws }, () => drawCounts(rows, probabilities, uniform));
      assert.ok(drawn.every((counts) => counts.reduce((sum, count) => sum + count, 0) === rows));
      for (const [bin, p] of probabilities.entries()) {
        const mean = drawn.reduce((sum, counts) => sum + (counts[bin] as number), 0) / draws;
        const spread = drawn.reduce((sum, counts) => sum + ((counts[bin] as number) - mean) ** 2, 0) / draws;
        const variance = rows * p * (1 - p);
        assert.ok(
          Math.abs(mean - rows * p) < 4 * Math.sqrt(variance / draws),
          `mean ${mean} of ${rows} x ${p}`,
        );
        assertRelative(spread, variance, 0.06);
      }
    }
  });

  it("shifts a normal: 0.5 deviations are a PSI of 0.25, of which twenty bins show 0.245", () => {
    assert.ok(Math.abs(binnedPsi(20, 0.5) - 0.2447) < 1e-4);
    assert.ok(Math.abs(binnedPsi(20, Math.sqrt(0.1)) - 0.0981) < 1e-4);
    assert.ok(Math.abs(binnedPsi(2_000, 0.5) - 0.25) < 1e-3);
  });

  it("has p-values that count the reference's own sampling error: one in a hundred below 0.01, over many references", () => {
    for (const rows of [1_000, 10_000]) {
      let below = 0;
      const references = 600;
      for (let seed = 1; seed <= references; seed++) {
        const { columns } = createSimulation({ ...THIRTY, rows, seed }).next();
        below += columns.filter(({ pValue }) => (pValue ?? 1) <= 0.01).length;
      }
      const share = below / (references * 30);
      assert.ok(share > 0.007 && share < 0.013, `${share} of the p-values of ${rows} rows`);
    }
  });
});

describe("the verdict's defaults", () => {
  it("open no incident in a month of 259,200 tests without drift, which persistence keeps from the smallest windows", () => {
    const month = monthWithoutDrift(THIRTY, defaults);
    assert.equal(month.tests, 259_200);
    assert.equal(month.incidents, 0);
    assert.ok(month.driftVerdicts > 50, `${month.driftVerdicts} verdicts were held back`);
    const hasty = parseDriftSettings({ windows_needed: 1 });
    assert.ok(monthWithoutDrift({ ...THIRTY, features: 5 }, hasty).incidents > 50);
  });

  it("open none with correlated features either, nor with a small reference", () => {
    const correlated = monthWithoutDrift({ ...THIRTY, features: 10, commonShare: 0.8 }, defaults);
    const small = monthWithoutDrift({ ...THIRTY, features: 10, rows: 1_000, referenceRows: 1_000 }, defaults);
    assert.deepEqual([correlated.incidents, small.incidents], [0, 0]);
  });

  for (const { psi, shifted, panes, worst } of [
    { psi: 0.1, shifted: 1, panes: 1, worst: 30 },
    { psi: 0.1, shifted: 5, panes: 1, worst: 6 },
    { psi: 0.1, shifted: 30, panes: 1, worst: 3 },
    { psi: 0.25, shifted: 1, panes: 1, worst: 3 },
    { psi: 0.1, shifted: 1, panes: 5, worst: 30 },
  ])
    it(`find a PSI of ${psi} in ${shifted} of 30 features within ${worst} windows of 1,000 rows, ${panes} panes each`, () => {
      const injected = { shifted, shift: Math.sqrt(psi), windowsMax: worst };
      const waits = Array.from({ length: 40 }, (_, run) =>
        windowsToOpen({ ...THIRTY, seed: run + 1, rows: 1_000 / panes, panes }, defaults, injected),
      );
      assert.ok(waits.every(Number.isFinite), waits.join(" "));
      assert.ok((waits.toSorted((a, b) => a - b)[20] ?? Infinity) <= (panes === 1 ? 4 : 8), waits.join(" "));
    });

  it("keep one incident open while the shift lasts, and close it five windows after it ends", () => {
    const simulation = createSimulation({ ...THIRTY, rows: 1_000 });
    const shifted = shiftedNormal(20, Math.sqrt(0.1));
    let state = createIncidentState({ model: "simulated", version: "1.0.0", variant: null });
    const story: string[] = [];
    for (let window = 1; window <= 320; window++) {
      const evidence = window <= 300 ? simulation.next(5, shifted) : simulation.next();
      const folded = fold(state, judgeWindow(evidence, defaults), defaults);
      state = folded.state;
      story.push(...folded.changes.map(({ change }) => `${window} ${change}`));
    }
    // Columns that reach three of five later than the first extend it in the windows that follow.
    assert.equal(story.shift(), "4 opened");
    assert.equal(story.pop(), "305 closed");
    assert.ok(
      story.every((line) => /^[5-9] extended$/.test(line)),
      story.join(", "),
    );
  });
});
