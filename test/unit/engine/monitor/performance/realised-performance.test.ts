/** Realised performance beyond the goldens: what is undefined, what is refused, order of rows, intervals that hold. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../../../../engine/core/errors.ts";
import { SeededRandom } from "../../../../../engine/core/seeded-random.ts";
import { compareAucs } from "../../../../../engine/monitor/performance/delong.ts";
import { type LabelledRows, takeRows } from "../../../../../engine/monitor/performance/labelled-rows.ts";
import {
  METRICS,
  type MetricName,
  MODEL_KINDS,
  metricsOf,
} from "../../../../../engine/monitor/performance/metric-table.ts";
import { performanceBySlice } from "../../../../../engine/monitor/performance/performance-by-slice.ts";
import { measurePerformance } from "../../../../../engine/monitor/performance/realised-performance.ts";
import { assertClose } from "../../../../support/close.ts";
import { calibratedRows } from "../../../../support/labelled-rows.ts";

const binary = (scores: number[], labels: number[], predicted = labels): LabelledRows => ({
  kind: "binary",
  scores: Float64Array.from(scores),
  predicted: Uint8Array.from(predicted),
  labels: Uint8Array.from(labels),
});

const multiclass = (predicted: number[], labels: number[], probabilities?: number[]): LabelledRows => ({
  kind: "multiclass",
  classes: 3,
  predicted: Uint8Array.from(predicted),
  labels: Uint8Array.from(labels),
  ...(probabilities && { probabilities: Float64Array.from(probabilities) }),
});

const regression = (predicted: number[], labels: number[]): LabelledRows => ({
  kind: "regression",
  predicted: Float64Array.from(predicted),
  labels: Float64Array.from(labels),
});

/** Metrics without a value, with their reasons. */
function unknownOf(rows: LabelledRows): Record<string, string | undefined> {
  const { metrics } = measurePerformance(rows);
  return Object.fromEntries(
    Object.entries(metrics).flatMap(([name, { value, reason }]) => (value === null ? [[name, reason]] : [])),
  );
}

describe("realised performance", () => {
  it("has the metrics that the table lists for the kind of model, within their ranges", () => {
    const samples = {
      binary: calibratedRows(new SeededRandom(1), 200),
      multiclass: multiclass([0, 1, 2, 1], [0, 1, 2, 2], [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0]),
      regression: regression([1, 2, 4], [1, 2, 3]),
    };
    for (const kind of MODEL_KINDS) {
      const { metrics } = measurePerformance(samples[kind]);
      assert.deepEqual(Object.keys(metrics).sort(), [...metricsOf(kind)].sort());
      for (const [name, { value, interval }] of Object.entries(metrics)) {
        const { low, high } = METRICS[name as MetricName];
        if (value === null || interval === undefined) assert.fail(`${kind} ${name}`);
        assert.ok(interval.low <= value && value <= interval.high, name);
        assert.ok(interval.low >= (low ?? -Infinity) && interval.high <= (high ?? Infinity), name);
      }
    }
  });

  it("is null with the reason where it is not defined, and never NaN", () => {
    const noRows = "there are no rows";
    const none = unknownOf(binary([], []));
    assert.deepEqual(Object.keys(none), [...metricsOf("binary")]);
    assert.equal(none.accuracy, noRows);
    assert.deepEqual(unknownOf(binary([0.1, 0.2], [0, 0])), {
      roc_auc: "no row is of the positive class",
      gini: "no row is of the positive class",
      ks: "no row is of the positive class",
      precision: "no row was predicted positive",
      recall: "no row is of the positive class",
      f1: "no row is of the positive class, and no row was predicted positive",
    });
    assert.deepEqual(Object.keys(unknownOf(binary([0.7, 0.8], [1, 1]))), ["roc_auc", "gini", "ks"]);
    assert.deepEqual(Object.values(unknownOf(multiclass([], [], []))), Array(8).fill(noRows).concat(noRows));
    assert.deepEqual(unknownOf(multiclass([0, 1], [0, 1])), {
      roc_auc_ovr_macro: "there are no probabilities",
      log_loss: "there are no probabilities",
    });
    assert.deepEqual(unknownOf(multiclass([0, 1], [0, 1], [1, 0, 0, 0, 1, 0])), {
      roc_auc_ovr_macro: "no row is of class 2",
    });
    assert.deepEqual(unknownOf(regression([], [])).mae, noRows);
    assert.deepEqual(unknownOf(regression([1, 2], [3, 3])), { r2: "all labels are the same" });
    assert.deepEqual(unknownOf(regression([1], [3])), { r2: "R2 needs two rows" });
    assert.deepEqual(unknownOf(regression([1e200, 1], [0, 1])).mse, "the value is too large for a number");
  });

  it("goes through JSON unchanged whatever the rows", () => {
    const random = new SeededRandom(2);
    for (let round = 0; round < 200; round += 1) {
      const rows = calibratedRows(random, random.below(6), random.normal() * 3);
      const performance = measurePerformance(rows);
      assert.deepEqual(JSON.parse(JSON.stringify(performance)), performance);
    }
  });

  it("of two classes is the same to the last bit in any order of the rows", () => {
    const random = new SeededRandom(3);
    const rows = calibratedRows(random, 5000);
    const order = Uint32Array.from({ length: 5000 }, (_, row) => (row * 1999 + 7) % 5000);
    assert.deepEqual(measurePerformance(takeRows(rows, order)), measurePerformance(rows));
  });

  it("with all pairs ordered alike is not taken for certain", () => {
    const { metrics } = measurePerformance(binary([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]));
    assert.equal(metrics.roc_auc?.value, 1);
    assertClose(metrics.roc_auc?.interval?.low, 1 / (1 + 1.959963984540054 ** 2 / 2), "low end", 1e-12);
    assert.ok((metrics.ks?.interval?.low ?? 1) < 0.5);
  });

  it("refuses columns that do not fit, naming the column, the row and the rule", () => {
    const wrong: [LabelledRows, RegExp][] = [
      [binary([0.1, 1.5], [0, 1]), /^scores: row 1 has 1\.5: a probability is from 0 to 1/],
      [binary([0.1, Number.NaN], [0, 1]), /^scores: row 1 has NaN/],
      [binary([0.1, 0.2], [0, 2]), /^labels: row 1 has 2: a class is an index from 0 to 1/],
      [binary([0.1], [0, 1]), /^scores: 1 entries for 2 rows/],
      [binary([0.1, 0.2], [0, 1], [0]), /^predicted: 1 entries for 2 rows/],
      [multiclass([0, 3], [0, 1]), /^predicted: row 1 has 3: a class is an index from 0 to 2/],
      [multiclass([0, 1], [0, 1], [1, 0, 0, 0, -1, 0]), /^probabilities: row 1 has -1/],
      [multiclass([0, 1], [0, 1], [1, 0]), /^probabilities: 2 entries for 6 rows/],
      [regression([1, Infinity], [1, 2]), /^predicted: row 1 has Infinity: a value is a finite number/],
    ];
    for (const [rows, message] of wrong)
      assert.throws(
        () => measurePerformance(rows),
        (error) =>
          error instanceof EngineError && error.code === "INVALID_REQUEST" && message.test(error.message),
      );
  });

  it("gives every metric of two classes an interval that holds the true value in 95 % of samples", () => {
    const random = new SeededRandom(4);
    const truth = measurePerformance(calibratedRows(random, 400_000)).metrics;
    const names = metricsOf("binary").filter((name) => name !== "expected_calibration_error");
    const held = new Map(names.map((name) => [name, 0]));
    const samples = 1000;
    for (let sample = 0; sample < samples; sample += 1) {
      const { metrics } = measurePerformance(calibratedRows(random, 300));
      for (const name of names) {
        const { low, high } = metrics[name]?.interval ?? assert.fail(name);
        const value = truth[name]?.value ?? assert.fail(name);
        if (low <= value && value <= high) held.set(name, (held.get(name) ?? 0) + 1);
      }
    }
    // 3.7 standard errors of a share of 0.95 are 0.025
    for (const [name, count] of held)
      assert.ok(Math.abs(count / samples - 0.95) < 0.025, `${name}: ${count / samples}`);
  });

  it("gives the metrics of a regression an interval that holds as often", () => {
    const random = new SeededRandom(5);
    const draw = (rows: number): LabelledRows => {
      const labels = Float64Array.from({ length: rows }, () => 10 + 2 * random.normal());
      return { kind: "regression", labels, predicted: labels.map((label) => label + random.normal()) };
    };
    const truth = { mae: Math.sqrt(2 / Math.PI), mse: 1, rmse: 1, r2: 0.75 };
    const held = new Map<MetricName, number>();
    for (let sample = 0; sample < 1000; sample += 1) {
      const { metrics } = measurePerformance(draw(300));
      for (const [name, value] of Object.entries(truth)) {
        const { low, high } = metrics[name as MetricName]?.interval ?? assert.fail(name);
        if (low <= value && value <= high)
          held.set(name as MetricName, (held.get(name as MetricName) ?? 0) + 1);
      }
    }
    for (const [name, count] of held) assert.ok(Math.abs(count / 1000 - 0.95) < 0.025, `${name}: ${count}`);
    assert.equal(held.size, 4);
  });
});

describe("the comparison of two AUCs on the same rows", () => {
  it("calls two equally good models different in 5 % of samples, and sees a better one in most", () => {
    const random = new SeededRandom(6);
    let different = 0;
    let seen = 0;
    for (let sample = 0; sample < 1000; sample += 1) {
      const labels = Uint8Array.from({ length: 200 }, () => random.below(2));
      const truth = Float64Array.from(labels, (label) => label + random.normal());
      const noisy = (scale: number) => truth.map((value) => value + scale * random.normal());
      const champion = noisy(1);
      if (compareAucs(noisy(1), champion, labels).p < 0.05) different += 1;
      const { interval } = compareAucs(noisy(0), champion, labels);
      if (interval.low > 0) seen += 1;
    }
    assert.ok(Math.abs(different / 1000 - 0.05) < 0.025, `${different} of 1000`);
    assert.ok(seen > 500, `${seen} of 1000`);
  });

  it("of a model with itself finds nothing", () => {
    const { scores, labels } = calibratedRows(new SeededRandom(7), 50);
    const { difference, variance, p, interval } = compareAucs(scores, scores, labels);
    assert.deepEqual(
      { difference, variance, p, interval },
      { difference: 0, variance: 0, p: 1, interval: { low: 0, high: 0 } },
    );
  });

  it("needs two rows of each class, and scores that can be ordered", () => {
    const scores = Float64Array.of(0.1, 0.2, 0.3);
    const broken = Float64Array.of(0.1, Number.NaN, 0.3);
    assert.throws(() => compareAucs(scores, broken, Uint8Array.of(0, 1, 1)), /otherScores: row 1 has NaN/);
    assert.throws(() => compareAucs(scores, scores, Uint8Array.of(0, 0, 1)), /two rows of each class/);
  });
});

describe("performance by slice", () => {
  const names = Array.from({ length: 150 }, (_, slice) => `s${slice}`);

  it("is that of the slice's rows alone, the largest slice first", () => {
    const rows = calibratedRows(new SeededRandom(8), 600);
    const slices = Uint16Array.from({ length: 600 }, (_, row) => (row % 6 < 3 ? 2 : row % 6 === 3 ? 1 : 4));
    const found = performanceBySlice(rows, slices, names);
    assert.deepEqual(
      found.map(({ slice, performance }) => [slice, performance.rows]),
      [
        ["s2", 300],
        ["s4", 200],
        ["s1", 100],
      ],
    );
    const alone = Uint32Array.from({ length: 100 }, (_, row) => row * 6 + 3);
    assert.deepEqual(found[2]?.performance, measurePerformance(takeRows(rows, alone)));
  });

  it("puts slices of one size in the order of their names", () => {
    const found = performanceBySlice(binary([0.1, 0.2, 0.3], [0, 1, 0]), Uint16Array.of(2, 0, 1), names);
    assert.deepEqual(
      found.map(({ slice }) => slice),
      ["s0", "s1", "s2"],
    );
  });

  it("takes what is beyond the hundred largest together", () => {
    const rows = calibratedRows(new SeededRandom(9), 150 * 151);
    const slices = new Uint16Array(150 * 151).map((_, row) => row % 150);
    slices[0] = 149;
    const found = performanceBySlice(rows, slices, names);
    assert.equal(found.length, 101);
    assert.equal(found[0]?.slice, "s149");
    assert.deepEqual([found[100]?.slice, found[100]?.performance.rows], [undefined, 50 * 151 - 1]);
  });

  it("refuses a slice without a name", () => {
    assert.throws(
      () => performanceBySlice(binary([0.1], [0]), Uint16Array.of(3), ["a"]),
      /^EngineError: slices: row 0 has 3/,
    );
  });
});
