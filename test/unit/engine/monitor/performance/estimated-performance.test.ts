/** Estimated performance beyond the goldens: what it sees, what it cannot see, bounds, counters, bad input. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../../../engine/core/seeded-random.ts";
import {
  calibrate,
  calibrator,
  fitCalibrator,
} from "../../../../../engine/monitor/performance/calibration.ts";
import {
  edgesFor,
  estimateFromCounters,
  estimateFromRows,
} from "../../../../../engine/monitor/performance/estimated-performance.ts";
import { fitEstimator } from "../../../../../engine/monitor/performance/performance-estimator.ts";
import { measurePerformance } from "../../../../../engine/monitor/performance/realised-performance.ts";
import { groupScores } from "../../../../../engine/monitor/performance/sorted-scores.ts";
import { calibratedRows } from "../../../../support/labelled-rows.ts";
import { countScores } from "../../../../support/score-counters.ts";

const NAMES = ["roc_auc", "accuracy", "precision", "recall", "f1"] as const;
const BEND = 2; // scores are too high: the true chance is their square

describe("estimated performance", () => {
  const random = new SeededRandom(20);
  const reference = calibratedRows(random, 20_000, 0, BEND);
  const estimator = fitEstimator(reference, { needsCalibration: true, knotsMax: 100 });

  it("follows a shift of the inputs without labels", () => {
    const shifted = calibratedRows(random, 20_000, 0.8, BEND);
    const { metrics } = estimateFromRows(estimator, shifted.scores, 0.5);
    const realised = measurePerformance(shifted).metrics;
    for (const name of NAMES) {
      const { value, interval } = metrics[name];
      const truth = realised[name]?.value ?? assert.fail(name);
      assert.ok(Math.abs((value ?? 0) - truth) < 0.02, `${name}: ${value}, not ${truth}`);
      assert.ok(interval !== undefined && interval.high - interval.low < 0.1);
    }
    // the shift matters: the reference's own precision is far off
    const before = measurePerformance(reference).metrics.precision?.value ?? 0;
    assert.ok(Math.abs(before - (realised.precision?.value ?? 0)) > 0.05);
  });

  it("cannot see that the labels of the same inputs have changed", () => {
    const drifted = calibratedRows(random, 20_000, 0, 8);
    const { metrics } = estimateFromRows(estimator, drifted.scores, 0.5);
    const realised = measurePerformance(drifted).metrics.precision?.value ?? 1;
    assert.ok((metrics.precision.value ?? 0) - realised > 0.2);
  });

  it("from counters takes in a minute's bins added up, and bounds what binning does to ROC AUC by 1 / bins", () => {
    const { scores } = calibratedRows(random, 5000, 0.3, BEND);
    const edges = edgesFor(estimator.calibrator, 0.5);
    const [first, second] = [
      countScores(scores.slice(0, 1700), edges),
      countScores(scores.slice(1700), edges),
    ];
    const add = (a: ArrayLike<number>, b: ArrayLike<number>) =>
      Array.from(a, (value, bin) => value + (b[bin] ?? 0));
    const counters = { edges, rows: add(first.rows, second.rows), sums: add(first.sums, second.sums) };
    const found = estimateFromCounters(estimator, counters, 0.5);
    const exact = estimateFromRows(estimator, scores, 0.5);
    assert.equal(found.rows, 5000);
    for (const name of ["accuracy", "precision", "recall", "f1"] as const)
      assert.ok(Math.abs((found.metrics[name].value ?? 0) - (exact.metrics[name].value ?? 1)) < 1e-12, name);
    assert.ok((found.roc_auc_binning_error ?? 1) < 0.01, `${found.roc_auc_binning_error}`);
  });

  it("from counters puts a score at the threshold on the positive side", () => {
    const scores = Float64Array.of(0.1, 0.1, 0.1, 0.3, 0.3, 0.3);
    const plain = { ...estimator, calibrator: { type: "none" } as const };
    for (const threshold of [0.1, 0.3, 0, 1]) {
      const counters = countScores(scores, edgesFor(plain.calibrator, threshold));
      const { confusion_matrix } = estimateFromCounters(plain, counters, threshold);
      const exact = estimateFromRows(plain, scores, threshold).confusion_matrix;
      confusion_matrix.flat().forEach((count, cell) => {
        assert.ok(Math.abs(count - (exact.flat()[cell] ?? Number.NaN)) < 1e-12, `${cell} at ${threshold}`);
      });
    }
  });

  it("is null with the reason where it is not defined", () => {
    const nothing = estimateFromRows(estimator, new Float64Array(0), 0.5);
    assert.equal(nothing.metrics.accuracy.reason, "there are no rows");
    assert.equal(nothing.metrics.roc_auc.reason, "no row is expected to be positive");
    const { precision } = estimateFromRows(estimator, Float64Array.of(0.2), 0.5).metrics;
    assert.deepEqual(precision, { value: null, reason: "no row was predicted positive" });
    const empty = { edges: [0.5], rows: [0, 0], sums: [0, 0] };
    assert.equal(estimateFromCounters(estimator, empty, 0.5).roc_auc_binning_error, 0);
  });

  it("of a reference of one class has no sampling errors that it cannot know", () => {
    const { scores, predicted } = calibratedRows(random, 50);
    const labels = new Uint8Array(50);
    const { variation } = fitEstimator(
      { kind: "binary", scores, predicted, labels },
      { needsCalibration: true },
    );
    assert.deepEqual([variation.roc_auc, variation.recall], [null, null]);
    assert.deepEqual(variation.precision?.deviation, 0);
  });

  it("refuses a reference without rows", () => {
    const empty = calibratedRows(random, 0);
    assert.throws(() => fitEstimator(empty, { needsCalibration: true }), /no labelled rows/);
  });

  it("refuses bins that do not fit their edges, and scores that are no probabilities", () => {
    const counters = { edges: [0.5], rows: [1], sums: [0.2, 0] };
    assert.throws(() => estimateFromCounters(estimator, counters, 0.5), /rows: 1 entries for 2/);
    assert.throws(() => estimateFromRows(estimator, Float64Array.of(2), 0.5), /scores: row 0 has 2/);
  });
});

describe("the calibrator", () => {
  it("keeps to its bound of knots, and stays near the line with all of them", () => {
    const random = new SeededRandom(21);
    const { scores, labels } = calibratedRows(random, 50_000, 0, BEND);
    const groups = groupScores(scores, labels);
    const full = fitCalibrator(groups);
    const bounded = fitCalibrator(groups, 40);
    if (full.type !== "isotonic" || bounded.type !== "isotonic") assert.fail();
    assert.ok(full.x.length > 100 && bounded.x.length <= 40, `${full.x.length}, ${bounded.x.length}`);
    for (let score = 0.05; score < 1; score += 0.05)
      assert.ok(Math.abs(calibrate(bounded, score) - score ** BEND) < 0.05, `at ${score}`);
    assert.deepEqual(calibrator.parse(JSON.parse(JSON.stringify(full))), full);
  });

  it("is refused when it falls, or its knots do not rise or are not pairs", () => {
    const parse = (x: number[], y: number[]) => calibrator.safeParse({ type: "isotonic", x, y }).success;
    assert.ok(parse([0.1, 0.2], [0.3, 0.3]));
    assert.ok(!parse([0.1, 0.2], [0.3, 0.2]));
    assert.ok(!parse([0.1, 0.1], [0.3, 0.3]));
    assert.ok(!parse([0.1, 0.2], [0.3]));
    assert.ok(!parse([], []));
    assert.ok(!parse([0.1], [Number.NaN]));
  });
});
