import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { WHOLE_WINDOW } from "../../../../../engine/monitor/drift/column-name.ts";
import { parseDriftSettings } from "../../../../../engine/monitor/drift/drift-settings.ts";
import type { ColumnEvidence, WindowEvidence } from "../../../../../engine/monitor/drift/window-evidence.ts";
import { judgeWindow, type WindowVerdict } from "../../../../../engine/monitor/drift/window-verdict.ts";
import { createRandom } from "../../../../support/random.ts";
import { createSimulation, quietColumn, shiftedNormal } from "../../../../support/simulated-windows.ts";

const defaults = parseDriftSettings({});
const SERIES = { model: "fraud", version: "1.0.0", variant: null, referenceId: "r1" };

function windowOf(columns: readonly ColumnEvidence[]): WindowEvidence {
  return { ...SERIES, startMs: 0, endMs: 300_000, columns };
}

function column(name: string, changes: Partial<ColumnEvidence> = {}): ColumnEvidence {
  return { ...quietColumn(name), ...changes };
}

function verdictsOf({ columns }: WindowVerdict): Record<string, string> {
  return Object.fromEntries(columns.map(({ column: name, verdict }) => [name, verdict]));
}

const DRIFTING = { psiCorrected: 0.15, pValue: 1e-6 };

describe("the verdict on a window", () => {
  it("is drift only if the effect is large and significant", () => {
    const verdict = judgeWindow(
      windowOf([
        column("both", DRIFTING),
        column("large", { psiCorrected: 0.5, pValue: 0.02 }),
        column("neither"),
        column("significant", { psiCorrected: 0.07, pValue: 1e-9 }),
      ]),
      defaults,
    );
    assert.equal(verdict.verdict, "drift");
    assert.deepEqual(verdictsOf(verdict), {
      both: "drift",
      large: "none",
      neither: "none",
      significant: "none",
    });
  });

  it("takes significance after correction over the columns: the same column drifts among few, not among many", () => {
    const one = column("a", { psiCorrected: 0.15, pValue: 0.005 });
    assert.equal(judgeWindow(windowOf([one]), defaults).verdict, "drift");
    const many = Array.from({ length: 29 }, (_, index) => column(`b${index}`));
    assert.equal(judgeWindow(windowOf([one, ...many]), defaults).verdict, "none");
  });

  it("reaches a level at (1 - margin) of it, and is quiet only below the exit level", () => {
    const at = (psiCorrected: number) =>
      judgeWindow(windowOf([column("a", { psiCorrected, pValue: 0 })]), defaults).columns[0];
    const seen = [0.049, 0.05, 0.079, 0.081, 0.199, 0.201].map((psi) => {
      const { verdict, isQuiet, isCritical } = at(psi) ?? {};
      return [verdict, isQuiet, isCritical];
    });
    assert.deepEqual(seen, [
      ["none", true, false],
      ["none", false, false],
      ["none", false, false],
      ["drift", false, false],
      ["drift", false, false],
      ["drift", false, true],
    ]);
  });

  it("is insufficient with too few rows in window or reference, or without a PSI", () => {
    for (const few of [{ rows: 199 }, { referenceRows: 999 }, { psiCorrected: null }, { pValue: null }]) {
      const verdict = judgeWindow(windowOf([column("a", { ...DRIFTING, ...few })]), defaults);
      assert.equal(verdict.verdict, "insufficient", JSON.stringify(few));
    }
    assert.equal(judgeWindow(windowOf([]), defaults).verdict, "insufficient");
  });

  it("puts data quality first, and does not call such a column drifting", () => {
    const broken = column("broken", { ...DRIFTING, nullRate: 0.4 });
    const verdict = judgeWindow(windowOf([broken, column("moved", DRIFTING)]), defaults);
    assert.equal(verdict.verdict, "data_quality");
    assert.deepEqual(verdictsOf(verdict), { broken: "data_quality", moved: "drift" });
  });

  it("leaves columns with problems out of the correction", () => {
    const one = column("a", { psiCorrected: 0.15, pValue: 0.005 });
    const broken = Array.from({ length: 29 }, (_, index) => column(`b${index}`, { nullRate: 0.4 }));
    const verdict = judgeWindow(windowOf([one, ...broken]), defaults);
    assert.equal(verdict.columns[0]?.pAdjusted, 0.005);
  });

  it("finds no problem in a small window but another schema", () => {
    const nulls = column("a", { rows: 150, nullRate: 1 });
    assert.equal(judgeWindow(windowOf([nulls]), defaults).verdict, "insufficient");
    assert.equal(judgeWindow(windowOf([{ ...nulls, kind: null }]), defaults).verdict, "data_quality");
  });

  it("calls an empty window insufficient, or a problem of the whole window where data are expected", () => {
    const empty = windowOf([column("a", { rows: 0 })]);
    assert.equal(judgeWindow(empty, defaults).verdict, "insufficient");
    const expecting = parseDriftSettings({ expects_data: true });
    const verdict = judgeWindow(empty, expecting);
    assert.equal(verdict.verdict, "data_quality");
    assert.deepEqual(verdictsOf(verdict), { [WHOLE_WINDOW]: "data_quality", a: "insufficient" });
    assert.equal(judgeWindow(windowOf([column("a", { rows: 1 })]), expecting).verdict, "insufficient");
    assert.equal(judgeWindow(windowOf([column("a")]), expecting).verdict, "none");
  });

  it("calls a window broken whose requests were refused, and says nothing of the whole where there were too few", () => {
    const schema = { rows: 1_000, misfits: 0, answered: 1_000, refused: 0 };
    const judge = (changes: Partial<typeof schema>) =>
      judgeWindow({ ...windowOf([column("a")]), schema: { ...schema, ...changes } }, defaults);
    assert.deepEqual(verdictsOf(judge({})), { [WHOLE_WINDOW]: "none", a: "none" });
    const refused = judge({ refused: 400 });
    assert.equal(refused.verdict, "data_quality");
    assert.deepEqual(verdictsOf(refused), { [WHOLE_WINDOW]: "data_quality", a: "none" });
    assert.deepEqual(verdictsOf(judge({ rows: 100, answered: 100 })), {
      [WHOLE_WINDOW]: "insufficient",
      a: "none",
    });
    assert.throws(() => judge({ refused: -1 }), /-1 rows of the window/);
  });

  it("does not depend on the order of the columns, to the last bit", () => {
    const simulation = createSimulation({
      seed: 5,
      features: 30,
      bins: 20,
      rows: 400,
      referenceRows: 10_000,
    });
    const random = createRandom(5);
    for (let window = 0; window < 20; window++) {
      const evidence = simulation.next(5, shiftedNormal(20, 0.4));
      const verdict = JSON.stringify(judgeWindow(evidence, defaults));
      const shuffled = { ...evidence, columns: random.shuffled(evidence.columns) };
      assert.equal(JSON.stringify(judgeWindow(shuffled, defaults)), verdict);
    }
  });

  it("refuses evidence that cannot be", () => {
    for (const wrong of [{ psiCorrected: Number.NaN }, { nullRate: 1.5 }, { pValue: -1 }, { rows: -1 }])
      assert.throws(() => judgeWindow(windowOf([column("a", wrong)]), defaults), / of a /);
    assert.throws(() => judgeWindow(windowOf([column("a"), column("a")]), defaults), /twice/);
    assert.throws(() => judgeWindow({ ...windowOf([]), endMs: 0 }, defaults), /before it starts/);
  });
});
