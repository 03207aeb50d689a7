import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { driftLines } from "../../../../engine/cli-drift-table.ts";
import { hintsOf } from "../../../../engine/report/drift-view.ts";
import { toBars } from "../../../../engine/report/histogram.ts";
import { driftView } from "../../../support/drift-answer.ts";
import { fixture } from "../../../support/model.ts";

const PLAIN = { hasColor: false, columns: undefined };

describe("the table of a drift report", () => {
  it("is the golden one: the worst first, histograms side by side, nothing that steers a terminal", () => {
    assert.equal(
      `${driftLines(driftView(), PLAIN).join("\n")}\n`,
      readFileSync(fixture("report/drift-table.txt"), "utf8"),
    );
  });

  it("is the same in colours, columns in line", () => {
    const colored = driftLines(driftView(), { hasColor: true, columns: undefined });
    assert.ok(colored.some((line) => line.includes("\u001b[31mdrift, critical\u001b[39m")));
    assert.deepEqual(colored.map(stripVTControlCharacters), driftLines(driftView(), PLAIN));
  });

  it("makes histograms narrower on a narrow terminal", () => {
    const edges = Array.from({ length: 101 }, (_, at) => at);
    const shares = [0, ...Array.from({ length: 100 }, () => 0.01), 0, 0];
    const columns = driftView().answer.columns.map((column) => ({
      ...column,
      type: "number" as const,
      bins: { edges, reference: shares, current: shares },
    }));
    const histograms = (width: number | undefined): string[] =>
      driftLines(driftView({ columns }), { hasColor: false, columns: width }).filter((line) =>
        line.includes("█"),
      );
    assert.ok(histograms(undefined).every((line) => line.endsWith(`·${"█".repeat(20)}·`)));
    assert.ok(histograms(60).every((line) => /·█{6}· +·█{6}·$/.test(line)));
  });

  it("says what to do", () => {
    const { answer } = driftView();
    const hintOf = (change: Parameters<typeof driftView>[0]): string =>
      hintsOf(driftView(change, [])).join("\n");
    assert.match(hintOf({ rows: 0 }), /no prediction was counted in this window/);
    assert.match(hintOf({ rows: 150 }), /fewer than 200 predictions \(rows_min\) are not judged/);
    assert.match(
      hintOf({ reference_rows: 300 }),
      /has 300 rows, fewer than 1,000 .*: millrace reference create card-fraud --version 1\.0\.0 --file/,
    );
    assert.match(hintOf({}), /no incident yet: that takes 3 of 5 of the monitor's windows/);
    const quiet = answer.columns.filter(({ verdict }) => verdict === "none");
    assert.equal(hintOf({ columns: quiet }), "");
  });
});

describe("bars of a column", () => {
  it("tell the ends of bins apart, name heavy values, and keep what is out of range and null by itself", () => {
    const below = -1.401298464324817e-45;
    const bins = {
      edges: [below, 0, 1000.5, 1000.75],
      reference: [0, 0.5, 0.2, 0.2, 0, 0.1],
      current: [0, 0, 0, 0, 0.9, 0.1],
    };
    const bars = toBars(bins, 20);
    assert.deepEqual(
      bars.map(({ label, kind }) => [label, kind]),
      [
        ["< 0", "outside"],
        ["0", "values"],
        ["(0, 1000.5]", "values"],
        ["(1000.5, 1000.8]", "values"],
        ["> 1000.8", "outside"],
        ["no value", "null"],
      ],
    );
    assert.deepEqual(
      bars.map(({ current }) => current),
      [0, 0, 0, 0, 0.9, 0.1],
    );
  });

  it("put neighbours together, and lose no share", () => {
    const edges = Array.from({ length: 1001 }, (_, at) => at / 8);
    const shares = Array.from({ length: 1003 }, () => 1 / 1003);
    const values = Array.from({ length: 1001 }, (_, at) => `v${at}`);
    for (const bins of [{ edges }, { values }])
      for (const barsMax of [5, 8, 24, 40, 2000]) {
        const bars = toBars({ ...bins, reference: shares, current: shares }, barsMax);
        assert.ok(bars.length <= barsMax, `${bars.length} of ${barsMax}`);
        assert.ok(Math.abs(bars.reduce((sum, { current }) => sum + current, 0) - 1) < 1e-9);
        assert.equal(new Set(bars.map(({ label }) => label)).size, bars.length, "labels are apart");
      }
  });

  it("of a column that has no numbers are one", () => {
    assert.deepEqual(
      toBars({ edges: [], reference: [0, 1], current: [0.5, 0.5] }, 20).map(({ label }) => label),
      ["any", "no value"],
    );
  });
});
