/** Mean losses of two models on the same rows, against scikit-learn and SciPy (goldens of make-performance.py). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { comparePairs } from "../../../../../engine/monitor/performance/champion-pairs.ts";
import { compareMetrics } from "../../../../../engine/monitor/performance/metric-comparison.ts";
import {
  comparePairedLosses,
  type PredictionPairs,
} from "../../../../../engine/monitor/performance/paired-losses.ts";
import { measurePerformance } from "../../../../../engine/monitor/performance/realised-performance.ts";
import { assertClose } from "../../../../support/close.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { mixedManifest } from "../../../../support/manifests.ts";
import { goldenCases, type PairedLosses } from "../../../../support/performance-golden.ts";

const EXACT = 1e-12;

function assertGolden(pairs: PredictionPairs, golden: PairedLosses): void {
  const found = comparePairedLosses(pairs);
  assert.deepEqual(
    found.map(({ metric }) => metric),
    Object.keys(golden),
  );
  for (const { metric, value, otherValue, interval } of found) {
    const expected = golden[metric];
    assert.ok(expected !== undefined && interval !== undefined);
    const { low, high } = interval;
    for (const [name, one] of Object.entries({ value, other: otherValue, low, high }))
      assertClose(one, expected[name as keyof typeof expected], `${metric} ${name}`, EXACT);
  }
}

describe("paired losses", () => {
  for (const { name, scores, other_scores, labels, losses } of goldenCases("auc-comparison"))
    it(`of two classes are those of scikit-learn: ${name}`, () => {
      const [predicted, otherPredicted] = [Float64Array.from(scores), Float64Array.from(other_scores)];
      assertGolden({ kind: "binary", predicted, otherPredicted, labels: Float64Array.from(labels) }, losses);
    });

  for (const { name, predicted, other_predicted, labels, losses } of goldenCases("regression-comparison"))
    it(`of values are those of scikit-learn: ${name}`, () => {
      const pairs = {
        predicted: Float64Array.from(predicted),
        otherPredicted: Float64Array.from(other_predicted),
        labels: Float64Array.from(labels),
      };
      assertGolden({ kind: "regression", ...pairs }, losses);
      const swapped = { ...pairs, predicted: pairs.otherPredicted, otherPredicted: pairs.predicted };
      const [there] = comparePairedLosses({ kind: "regression", ...pairs });
      const [back] = comparePairedLosses({ kind: "regression", ...swapped });
      assertClose(back?.interval?.low, -(there?.interval?.high ?? 0), "the other way round", EXACT);
    });

  it("see a difference that two independent intervals do not", () => {
    const [golden] = goldenCases("regression-comparison");
    assert.ok(golden);
    const manifest = mixedManifest({ classes: undefined, outputs: [{ name: "value", type: "value" }] });
    const [predicted, other, labels] = [golden.predicted, golden.other_predicted, golden.labels].map(
      (column) => Float64Array.from(column),
    ) as [Float64Array, Float64Array, Float64Array];
    const metricsOf = (values: Float64Array) =>
      measurePerformance({ kind: "regression", predicted: values, labels }).metrics;
    const unpaired = compareMetrics(metricsOf(predicted), metricsOf(other));
    const read = { scores: Float32Array.from(predicted), otherScores: Float32Array.from(other), labels };
    const compared = comparePairs(manifest, read, unpaired);
    const of = (name: string) => compared.find(({ metric }) => metric === name);
    assert.equal(unpaired.find(({ metric }) => metric === "mae")?.verdict, "no_difference");
    assert.deepEqual([of("mae")?.verdict, of("mae")?.pairs], ["better", labels.length]);
    assert.deepEqual([of("r2")?.verdict, of("r2")?.pairs], ["no_difference", 0]);
    assert.equal(compared.length, unpaired.length);
  });

  it("of the same model twice are no difference, and of one row without an interval", () => {
    const predicted = Float64Array.of(0.2, 0.9, 0);
    const labels = Float64Array.of(0, 1, 1);
    const pairs = { kind: "binary", predicted, otherPredicted: predicted, labels } as const;
    for (const { interval } of comparePairedLosses(pairs)) assert.deepEqual(interval, { low: 0, high: 0 });
    const one = Float64Array.of(0.5);
    const [single] = comparePairedLosses({
      kind: "binary",
      predicted: one,
      otherPredicted: one,
      labels: one,
    });
    assert.equal(single?.interval, undefined);
    const none = new Float64Array(0);
    assert.deepEqual(
      comparePairedLosses({ kind: "binary", predicted: none, otherPredicted: none, labels: none }),
      [],
    );
  });

  it("are refused for columns of two lengths, and scores that are no probabilities", () => {
    const [two, three] = [Float64Array.of(0, 1), Float64Array.of(0, 1, 2)];
    const invalid = (pairs: PredictionPairs, pattern: RegExp): void =>
      assert.throws(() => comparePairedLosses(pairs), hasCode("INVALID_REQUEST", pattern));
    invalid(
      { kind: "binary", predicted: three, otherPredicted: two, labels: two },
      /predicted: 3 entries for 2/,
    );
    invalid(
      { kind: "binary", predicted: two, otherPredicted: Float64Array.of(0, 1.5), labels: two },
      /otherPredicted: row 1 has 1\.5/,
    );
    invalid(
      { kind: "regression", predicted: two, otherPredicted: two, labels: Float64Array.of(0, Number.NaN) },
      /labels: row 1 has NaN/,
    );
  });
});
