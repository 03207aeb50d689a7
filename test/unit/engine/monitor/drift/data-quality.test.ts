/** Problems of single columns, the test of two rates against statsmodels. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  refusalProblem,
  schemaProblem,
  valueProblems,
} from "../../../../../engine/monitor/drift/data-quality.ts";
import { parseDriftSettings } from "../../../../../engine/monitor/drift/drift-settings.ts";
import type { ColumnEvidence } from "../../../../../engine/monitor/drift/window-evidence.ts";
import { quietColumn } from "../../../../support/simulated-windows.ts";
import { verdictGolden } from "../../../../support/verdict-golden.ts";

const defaults = parseDriftSettings({});

function kindsOf(changes: Partial<ColumnEvidence>): string[] {
  return valueProblems({ ...quietColumn("amount"), ...changes }, defaults).map(({ kind }) => kind);
}

describe("a column's data quality", () => {
  it("is a problem from the number of standard errors that statsmodels finds, and from the rise asked for", () => {
    const found = { both: 0, onlyLarge: 0, onlySignificant: 0 };
    for (const one of verdictGolden.rates) {
      const nullRate = one.count / one.rows;
      const referenceNullRate = one.reference_count / one.reference_rows;
      const isLarge = nullRate - referenceNullRate >= defaults.null_rate_rise;
      const isSignificant = one.z >= defaults.rate_standard_errors;
      const column = { rows: one.rows, referenceRows: one.reference_rows, nullRate, referenceNullRate };
      const expected = isLarge && isSignificant ? [nullRate === 1 ? "no_values" : "null_spike"] : [];
      assert.deepEqual(kindsOf(column), expected, JSON.stringify(one));
      if (isLarge) found[isSignificant ? "both" : "onlyLarge"]++;
      else if (isSignificant) found.onlySignificant++;
    }
    for (const [which, count] of Object.entries(found)) assert.ok(count >= 3, `${which}: ${count}`);
  });

  it("names each kind", () => {
    assert.deepEqual(kindsOf({}), []);
    assert.deepEqual(kindsOf({ nullRate: 0.3 }), ["null_spike"]);
    assert.deepEqual(kindsOf({ nullRate: 1, isConstant: true }), ["no_values"]);
    assert.deepEqual(kindsOf({ nullRate: 1, referenceNullRate: 1 }), []);
    assert.deepEqual(kindsOf({ unseenRate: 0.2 }), ["unseen_spike"]);
    assert.deepEqual(kindsOf({ unseenRate: 0.2, referenceUnseenRate: 0.15 }), []);
    assert.deepEqual(kindsOf({ outOfRangeRate: 0.6 }), ["out_of_range"]);
    assert.deepEqual(kindsOf({ outOfRangeRate: 0.3 }), []);
    assert.deepEqual(kindsOf({ isConstant: true }), ["constant"]);
    assert.deepEqual(kindsOf({ isConstant: true, nullRate: 0.3 }), ["null_spike", "constant"]);
  });

  it("calls a column constant only where the reference would hardly ever make it so", () => {
    assert.deepEqual(kindsOf({ isConstant: true, referenceTopShare: 1 }), []);
    assert.deepEqual(kindsOf({ isConstant: true, referenceTopShare: 0.99, rows: 200 }), []);
    assert.deepEqual(kindsOf({ isConstant: true, referenceTopShare: 0.99, rows: 2_000 }), ["constant"]);
  });

  it("looks at values only if enough of them are not null", () => {
    const mostlyNull = { rows: 1_000, nullRate: 0.9, referenceNullRate: 0.9, unseenRate: 0.3 };
    assert.deepEqual(kindsOf(mostlyNull), []);
    assert.deepEqual(kindsOf({ ...mostlyNull, rows: 2_100 }), ["unseen_spike"]);
    assert.deepEqual(kindsOf({ ...mostlyNull, nullRate: 0, referenceNullRate: 1 }), []);
  });

  it("knows another schema of a whole window by the share of requests refused, or of predictions with other columns", () => {
    const none = { rows: 1_000, misfits: 0, answered: 1_000, refused: 0 };
    const rateOf = (changes: Partial<typeof none>, share = {}) => {
      const found = refusalProblem({ ...none, ...changes }, parseDriftSettings(share));
      return typeof found === "object" ? [found.kind, found.rate] : found;
    };
    assert.equal(rateOf({}), undefined);
    assert.equal(rateOf({ refused: 111, misfits: 111 }), undefined, "a tenth of neither");
    assert.deepEqual(rateOf({ refused: 250 }), ["schema_change", 0.2]);
    assert.deepEqual(rateOf({ misfits: 1_000, refused: 250 }), ["schema_change", 0.5]);
    assert.deepEqual(rateOf({ refused: 250 }, { refused_share: 0.3 }), undefined);
    assert.deepEqual(rateOf({ rows: 0, answered: 0, refused: 200 }), ["schema_change", 1]);
    assert.equal(rateOf({ rows: 0, answered: 0, refused: 199 }), "insufficient");
    const small = { rows: 50, misfits: 20, answered: 900, refused: 0 };
    assert.equal(rateOf(small), undefined, "70 rows of a variant say nothing, the version's 900 do");
  });

  it("knows another schema by one row, and from an empty window nothing", () => {
    const column = quietColumn("amount", 1);
    assert.equal(schemaProblem(column), undefined);
    assert.equal(schemaProblem({ ...column, kind: "category" })?.kind, "schema_change");
    assert.equal(schemaProblem({ ...column, kind: null })?.kind, "schema_change");
    assert.equal(schemaProblem({ ...column, referenceKind: null })?.kind, "schema_change");
    assert.equal(schemaProblem({ ...column, kind: null, rows: 0 }), undefined);
  });
});
