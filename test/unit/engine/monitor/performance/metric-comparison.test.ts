/** Better, worse or no different: by the interval of the difference, in the metric's own direction. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../../../engine/core/seeded-random.ts";
import {
  compareMetric,
  compareMetrics,
} from "../../../../../engine/monitor/performance/metric-comparison.ts";
import type { MetricValue } from "../../../../../engine/monitor/performance/metric-value.ts";
import { measurePerformance } from "../../../../../engine/monitor/performance/realised-performance.ts";
import { assertClose } from "../../../../support/close.ts";
import { calibratedRows } from "../../../../support/labelled-rows.ts";

const about = (value: number, half: number): MetricValue => ({
  value,
  interval: { low: value - half, high: value + half },
});

describe("the comparison of metrics", () => {
  it("adds up the intervals of two independent sides", () => {
    const found = compareMetric("roc_auc", about(0.8, 0.03), about(0.7, 0.04), 0);
    assertClose([found.gain, found.interval?.low, found.interval?.high], [0.1, 0.05, 0.15], "gain", 1e-12);
    assert.deepEqual([found.verdict, found.is_non_inferior], ["better", true]);
  });

  it("knows which way is better", () => {
    const up = compareMetric("log_loss", about(0.8, 0.03), about(0.7, 0.04), 0);
    assert.deepEqual([up.verdict, up.is_non_inferior], ["worse", false]);
    assertClose([up.gain, up.interval?.low, up.interval?.high], [-0.1, -0.15, -0.05], "gain", 1e-12);
    assert.equal(compareMetric("rmse", about(1, 0.1), about(2, 0.1), 0).verdict, "better");
  });

  it("calls a difference none that may be chance, or lies within the margin", () => {
    const verdictAt = (difference: number, half: number, margin: number) => {
      const { verdict, is_non_inferior } = compareMetric(
        "roc_auc",
        about(0.7 + difference, half),
        about(0.7, 0),
        margin,
      );
      return [verdict, is_non_inferior];
    };
    assert.deepEqual(verdictAt(-0.02, 0.03, 0), ["no_difference", false]);
    assert.deepEqual(verdictAt(-0.02, 0.03, 0.06), ["no_difference", true]);
    assert.deepEqual(verdictAt(-0.02, 0.01, 0), ["worse", false]);
    assert.deepEqual(verdictAt(-0.02, 0.01, 0.02), ["no_difference", false]);
    assert.deepEqual(verdictAt(-0.02, 0.01, 0.005), ["worse", false]);
    assert.deepEqual(verdictAt(0.02, 0.01, 0.005), ["better", true]);
    assert.deepEqual(verdictAt(0.02, 0.01, 0.015), ["no_difference", true]);
  });

  it("takes a paired interval where there is one", () => {
    const pair = [about(0.72, 0.05), about(0.7, 0.05)] as const;
    assert.equal(compareMetric("roc_auc", ...pair, 0).verdict, "no_difference");
    assert.equal(compareMetric("roc_auc", ...pair, 0, { low: 0.01, high: 0.03 }).verdict, "better");
  });

  it("has no verdict without values or intervals, and says why", () => {
    const unknown = { value: null, reason: "no row was predicted positive" };
    assert.deepEqual(compareMetric("precision", unknown, about(0.5, 0.1), 0), {
      metric: "precision",
      value: null,
      reference: 0.5,
      gain: null,
      verdict: null,
      is_non_inferior: null,
      reason: "the current rows: no row was predicted positive",
    });
    assert.equal(compareMetric("mae", about(1, 0), unknown, 0).reason, `the reference: ${unknown.reason}`);
    const few = compareMetric("mae", { value: 1 }, about(2, 1), 0);
    assert.deepEqual([few.gain, few.verdict, few.reason], [1, null, "too few rows for an interval"]);
  });

  it("compares the metrics that both sides have, each with its margin", () => {
    const current = { accuracy: about(0.7, 0.01), roc_auc: about(0.7, 0.01), f1: about(0.7, 0.01) };
    const reference = { roc_auc: about(0.8, 0.01), accuracy: about(0.8, 0.01) };
    const found = compareMetrics(current, reference, { accuracy: 0.2 });
    assert.deepEqual(
      found.map(({ metric, verdict }) => [metric, verdict]),
      [
        ["roc_auc", "worse"],
        ["accuracy", "no_difference"],
      ],
    );
  });

  it("calls few rows of an unchanged model worse than its reference in no more than 2.5 % of samples", () => {
    const random = new SeededRandom(10);
    let reference = measurePerformance(calibratedRows(random, 4000)).metrics;
    const worse = new Map<string, number>();
    const samples = 1000;
    for (let sample = 0; sample < samples; sample += 1) {
      // a reference has a chance error of its own: not the same one in all samples
      if (sample % 10 === 0) reference = measurePerformance(calibratedRows(random, 4000)).metrics;
      const { metrics } = measurePerformance(calibratedRows(random, 200));
      for (const { metric, verdict } of compareMetrics(metrics, reference))
        if (verdict === "worse") worse.set(metric, (worse.get(metric) ?? 0) + 1);
    }
    assert.ok(worse.size > 5, "all of them were never worse: intervals are too wide");
    // 4 standard errors of a share of 0.025 are 0.02
    for (const [metric, count] of worse) assert.ok(count / samples < 0.045, `${metric}: ${count}`);
  });
});
