/** Corrected p-values against those of SciPy and statsmodels. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { benjaminiHochberg } from "../../../../../engine/monitor/drift/benjamini-hochberg.ts";
import { createRandom } from "../../../../support/random.ts";
import { assertRelative, verdictGolden } from "../../../../support/verdict-golden.ts";

describe("the Benjamini-Hochberg correction", () => {
  it("gives SciPy's and statsmodels' numbers, to 1e-12 of their size", () => {
    assert.ok(verdictGolden.benjamini_hochberg.length >= 9);
    for (const { p_values, adjusted } of verdictGolden.benjamini_hochberg) {
      const own = benjaminiHochberg(p_values);
      assert.equal(own.length, adjusted.length);
      for (const [index, p] of own.entries()) assertRelative(p, adjusted[index] ?? Number.NaN, 1e-12);
    }
  });

  it("goes with its p-values, in whatever order they come, to the last bit", () => {
    const random = createRandom(7);
    const pValues = Array.from({ length: 60 }, () => Math.round(random.next() * 50) / 50);
    const adjusted = benjaminiHochberg(pValues);
    const order = random.shuffled(pValues.map((_, index) => index));
    const shuffled = benjaminiHochberg(order.map((index) => pValues[index] as number));
    assert.deepEqual(
      shuffled,
      order.map((index) => adjusted[index]),
    );
  });

  it("adjusts nothing of no tests, and leaves its input alone", () => {
    assert.deepEqual(benjaminiHochberg([]), []);
    const pValues = [0.04, 0.01];
    assert.deepEqual(benjaminiHochberg(pValues), [0.04, 0.02]);
    assert.deepEqual(pValues, [0.04, 0.01]);
  });

  it("refuses what is no p-value", () => {
    for (const wrong of [Number.NaN, -0.1, 1.1])
      assert.throws(() => benjaminiHochberg([0.5, wrong]), /p-value/);
  });
});
