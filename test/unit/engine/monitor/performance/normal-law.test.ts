/** What intervals and orders stand on: the normal law, Wilson's interval, the order of doubles. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { normalUpperTail, zOfConfidence } from "../../../../../engine/core/normal-law.ts";
import { SeededRandom } from "../../../../../engine/core/seeded-random.ts";
import { argsort } from "../../../../../engine/monitor/performance/argsort.ts";
import { differenceOf, wilsonInterval } from "../../../../../engine/monitor/performance/intervals.ts";
import { assertClose } from "../../../../support/close.ts";
import { goldenCases } from "../../../../support/performance-golden.ts";

const cases = goldenCases("laws");

describe("the normal law, as SciPy has it", () => {
  it("upper tails, to 12 digits of even the smallest", () => {
    for (const { at, expected } of cases.filter(({ name }) => name === "normal upper tail")) {
      assertClose(normalUpperTail(at) / Number(expected), 1, `above ${at}`, 1e-12);
      assertClose(normalUpperTail(-at), 1 - Number(expected), `above ${-at}`, 1e-15);
    }
  });

  it("quantiles", () => {
    for (const { at, expected } of cases.filter(({ name }) => name === "normal quantile"))
      assertClose(zOfConfidence(at), expected, `of ${at}`, 1e-13);
  });

  it("Wilson's interval", () => {
    for (const { at, hits = 0, trials = 0, expected } of cases.filter(({ name }) => name === "wilson")) {
      const { low, high } = wilsonInterval(hits, trials, at);
      assertClose([low, high], expected, `${hits} of ${trials} at ${at}`, 1e-12);
    }
  });

  it("a difference of two shares has Newcombe's interval (his method 10: 56 of 70 less 48 of 80)", () => {
    const side = (hits: number, trials: number) => ({
      value: hits / trials,
      interval: wilsonInterval(hits, trials, 0.95),
    });
    const { value, interval } = differenceOf(side(56, 70), side(48, 80));
    assertClose([value, interval.low, interval.high], [0.2, 0.0524, 0.3339], "published", 5e-5);
  });
});

describe("argsort", () => {
  const stable = (values: Float64Array | Float32Array) =>
    Array.from(values.keys()).sort((a, b) => (values[a] as number) - (values[b] as number) || a - b);

  it("orders negative numbers, zeros of both signs, the smallest and the largest", () => {
    const values = Float64Array.of(
      3,
      -0,
      -2,
      0,
      5e-324,
      -5e-324,
      1e308,
      -1e308,
      -0,
      Number.POSITIVE_INFINITY,
      -2,
    );
    assert.deepEqual(Array.from(argsort(values)), stable(values));
  });

  it("keeps the order of the rows where values are equal, in short runs and long ones", () => {
    const random = new SeededRandom(1);
    for (const distinct of [1, 3, 40, 100_000]) {
      // differences of some 2^-50 are in the lower word alone
      const close = Float64Array.from({ length: 3000 }, () => 0.5 + random.below(distinct) * 2 ** -50);
      assert.deepEqual(Array.from(argsort(close)), stable(close), `${distinct} close values`);
      const wide = Float32Array.from({ length: 3000 }, () => random.below(distinct) / distinct - 0.5);
      assert.deepEqual(Array.from(argsort(wide)), stable(wide), `${distinct} values`);
    }
  });

  it("has nothing to order in an empty column", () => {
    assert.equal(argsort(new Float64Array(0)).length, 0);
  });
});
