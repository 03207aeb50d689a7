/**
 * Realised performance against scikit-learn and SciPy, and DeLong's variances against all pairs compared one by one.
 * The goldens and the script that made them are in test/fixtures.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { zOfConfidence } from "../../../../../engine/core/normal-law.ts";
import { aucVariance, compareAucs } from "../../../../../engine/monitor/performance/delong.ts";
import { predictAt } from "../../../../../engine/monitor/performance/labelled-rows.ts";
import type { MetricName } from "../../../../../engine/monitor/performance/metric-table.ts";
import { measurePerformance } from "../../../../../engine/monitor/performance/realised-performance.ts";
import { rocAuc } from "../../../../../engine/monitor/performance/roc-auc.ts";
import { groupScores } from "../../../../../engine/monitor/performance/sorted-scores.ts";
import { assertClose } from "../../../../support/close.ts";
import { goldenCases, valuesOf } from "../../../../support/performance-golden.ts";

const EXACT = 1e-12;

describe("realised performance, as scikit-learn measures it", () => {
  for (const one of goldenCases("binary")) {
    it(`two classes, ${one.name}`, () => {
      const scores = Float64Array.from(one.scores);
      const labels = Uint8Array.from(one.labels);
      const predicted = predictAt(scores, one.threshold);
      const { rows, metrics, ...performance } = measurePerformance({
        kind: "binary",
        scores,
        predicted,
        labels,
      });
      assert.equal(rows, scores.length);
      const values = valuesOf(metrics);
      assert.deepEqual(Object.keys(values), Object.keys(one.metrics));
      for (const [name, value] of Object.entries(one.metrics)) assertClose(values[name], value, name, EXACT);
      assert.deepEqual(performance.confusion_matrix, one.confusion_matrix);
      const groups = groupScores(scores, labels);
      assertClose(aucVariance(groups, rocAuc(groups)) / one.auc_variance, 1, "variance", EXACT);
    });
  }

  for (const one of goldenCases("auc-comparison")) {
    it(`two models on the same rows, ${one.name}`, () => {
      const scores = Float64Array.from(one.scores);
      const others = Float64Array.from(one.other_scores);
      const labels = Uint8Array.from(one.labels);
      const found = compareAucs(scores, others, labels);
      assertClose(found.difference, one.difference, "difference", EXACT);
      assertClose(found.variance / one.variance, 1, "variance", EXACT);
      assertClose(found.p / one.p, 1, "p", EXACT);
      const back = compareAucs(others, scores, labels);
      assert.deepEqual([back.difference, back.variance], [-found.difference, found.variance]);
    });
  }

  for (const one of goldenCases("multiclass")) {
    it(`several classes, ${one.name}`, () => {
      const { metrics, confusion_matrix } = measurePerformance({
        kind: "multiclass",
        classes: one.classes,
        probabilities: Float64Array.from(one.probabilities),
        predicted: Uint16Array.from(one.predicted),
        labels: Uint16Array.from(one.labels),
      });
      const values = valuesOf(metrics);
      for (const [name, value] of Object.entries(one.metrics)) assertClose(values[name], value, name, EXACT);
      assert.deepEqual(confusion_matrix, one.confusion_matrix);
      for (const [name, error] of Object.entries(one.standard_errors)) {
        const { value, interval } = metrics[name as MetricName] ?? { value: null };
        if (interval === undefined || value === null || interval.low === 0)
          assert.fail(`${name} has no interval`);
        // the derivatives of the goldens are numerical
        assertClose((value - interval.low) / zOfConfidence(0.95), error, `error of ${name}`, 1e-7);
      }
    });
  }

  for (const one of goldenCases("regression")) {
    it(`regression, ${one.name}`, () => {
      const predicted = Float64Array.from(one.predicted);
      const labels = Float64Array.from(one.labels);
      const values = valuesOf(measurePerformance({ kind: "regression", predicted, labels }).metrics);
      assert.deepEqual(Object.keys(values), Object.keys(one.metrics));
      for (const [name, value] of Object.entries(one.metrics)) assertClose(values[name], value, name, EXACT);
    });
  }
});
