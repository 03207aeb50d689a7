/** The exact Kolmogorov-Smirnov law against SciPy, and KSWIN's decision on given samples, ties included. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { criticalKsGap, exactKsPValue } from "../../../../../engine/monitor/detectors/ks-exact.ts";
import { Kswin } from "../../../../../engine/monitor/detectors/kswin.ts";
import { fixture } from "../../../../support/model.ts";

interface Golden {
  readonly p_values: readonly { readonly size: number; readonly gap: number; readonly p: number }[];
  readonly samples: readonly {
    readonly older: readonly number[];
    readonly newer: readonly number[];
    readonly d: number;
    readonly p: number;
  }[];
}

const golden = JSON.parse(readFileSync(fixture("detectors/ks.json"), "utf8")) as Golden;

describe("exact KS p-value", () => {
  it("is SciPy's to a billionth of itself", () => {
    assert.ok(golden.p_values.length >= 40);
    for (const { size, gap, p } of golden.p_values) {
      const ours = exactKsPValue(gap, size);
      assert.ok(Math.abs(ours - p) <= 1e-9 * p, `${gap} of ${size}: ${ours}, not ${p}`);
    }
  });

  it("is what counting all orders of two small samples gives", () => {
    for (const size of [1, 2, 3, 4, 5, 6]) {
      const counts = Array.from({ length: size + 1 }, () => 0);
      for (let order = 0; order < 2 ** (2 * size); order++) {
        let difference = 0;
        let largest = 0;
        for (let place = 0; place < 2 * size; place++) {
          difference += (order >>> place) & 1 ? 1 : -1;
          largest = Math.max(largest, Math.abs(difference));
        }
        if (difference === 0) (counts[largest] as number)++;
      }
      const all = counts.reduce((sum, count) => sum + count, 0);
      for (let gap = 0; gap <= size; gap++) {
        const expected = counts.slice(gap).reduce((sum, count) => sum + count, 0) / all;
        assert.ok(Math.abs(exactKsPValue(gap, size) - expected) < 1e-12, `${gap} of ${size}`);
      }
    }
  });

  it("falls as the gap grows, and the critical gap is where it passes alpha", () => {
    for (const size of [1, 7, 30, 200, 5_000])
      for (const alpha of [0.5, 0.05, 0.005, 1e-7]) {
        const gap = criticalKsGap(size, alpha);
        if (gap <= size) assert.ok(exactKsPValue(gap, size) <= alpha);
        assert.ok(exactKsPValue(gap - 1, size) > alpha);
      }
    assert.equal(criticalKsGap(30, 0.005), 14); // River's defaults: D >= 14/30
    assert.equal(criticalKsGap(5, 1e-7), 6); // never
  });
});

describe("KSWIN's decision on given samples", () => {
  for (const { older, newer, d, p } of golden.samples)
    it(`${older.length} values each, D = ${d}: drift from alpha = ${p} on`, () => {
      // With a window of two samples all of the older values are drawn.
      const decide = (alpha: number): boolean => {
        const size = newer.length;
        const kswin = new Kswin({ alpha, stat_size: size, window_size: 2 * size });
        return [...older, ...newer].map((value) => kswin.update(value)).at(-1) === true;
      };
      if (p < 0.99) assert.equal(decide(p * (1 + 1e-9)), d > 0.1);
      // Smaller than any p of this size is refused: the gap below is as near as can be asked.
      if (d < 1) assert.equal(decide(p * (1 - 1e-9)), false);
    });

  it("is no drift as long as the distance is at most 0.1, whatever alpha says", () => {
    for (const [shift, expected] of [
      [2, false],
      [3, true],
    ] as const) {
      const kswin = new Kswin({ alpha: 0.999, stat_size: 20, window_size: 40 });
      const values = Array.from({ length: 40 }, (_, index) => (index < 20 ? index : index - 20 + shift));
      assert.equal(values.map((value) => kswin.update(value)).at(-1), expected, `D = ${shift} / 20`);
    }
  });
});
