/** Isotonic regression against scikit-learn, estimated performance against NannyML's CBPE. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { calibrate, fitCalibrator } from "../../../../../engine/monitor/performance/calibration.ts";
import {
  edgesFor,
  estimateFromCounters,
  estimateFromRows,
} from "../../../../../engine/monitor/performance/estimated-performance.ts";
import { predictAt } from "../../../../../engine/monitor/performance/labelled-rows.ts";
import {
  fitEstimator,
  performanceEstimator,
} from "../../../../../engine/monitor/performance/performance-estimator.ts";
import { groupScores } from "../../../../../engine/monitor/performance/sorted-scores.ts";
import { assertClose } from "../../../../support/close.ts";
import { goldenCases } from "../../../../support/performance-golden.ts";
import { countScores } from "../../../../support/score-counters.ts";

const METRICS = ["accuracy", "precision", "recall", "f1", "roc_auc"] as const;
/** NannyML rounds expected counts to five decimals before it takes the area. */
const ROUNDED = 1e-6;

describe("isotonic regression, as scikit-learn fits it", () => {
  for (const one of goldenCases("isotonic")) {
    it(one.name, () => {
      const groups = groupScores(Float64Array.from(one.scores), Uint8Array.from(one.labels));
      const fitted = fitCalibrator(groups);
      const found = one.places.map((place) => calibrate(fitted, place));
      assertClose(found, one.expected, "at", 1e-12);
    });
  }
});

describe("estimated performance, as NannyML's CBPE estimates it", () => {
  for (const one of goldenCases("estimated")) {
    const reference = Float64Array.from(one.reference_scores);
    const estimator = fitEstimator(
      {
        kind: "binary",
        scores: reference,
        predicted: predictAt(reference, one.threshold),
        labels: Uint8Array.from(one.reference_labels),
      },
      { needsCalibration: one.needs_calibration },
    );
    const kept = performanceEstimator.parse(JSON.parse(JSON.stringify(estimator)));
    const scores = Float64Array.from(one.scores);

    it(`${one.name}: from rows, by an estimator that was kept as JSON`, () => {
      assert.deepEqual(kept, estimator);
      const { metrics, confusion_matrix, rows } = estimateFromRows(kept, scores, one.threshold);
      assert.equal(rows, scores.length);
      assertClose(confusion_matrix, one.confusion_matrix, "confusion matrix", 1e-9);
      assertClose(metrics.roc_auc.value, one.exact_roc_auc, "ROC AUC, not rounded", 1e-12);
      for (const name of METRICS) {
        const tolerance = name === "roc_auc" ? ROUNDED : 1e-12;
        const { value, interval } = metrics[name];
        assertClose(value, one.metrics[name], name, tolerance);
        assertClose(interval?.low, one.low[name], `${name} at least`, tolerance);
        assertClose(interval?.high, one.high[name], `${name} at most`, tolerance);
        const { deviation, share } = kept.variation[name] ?? assert.fail(name);
        const error = deviation / Math.sqrt(scores.length * share);
        assertClose(error, one.sampling_errors[name], `sampling error of ${name}`, 1e-12);
      }
    });

    it(`${one.name}: from counters the same, ROC AUC within its bound`, () => {
      const counters = countScores(scores, edgesFor(kept.calibrator, one.threshold));
      const exact = estimateFromRows(kept, scores, one.threshold);
      const { metrics, confusion_matrix, ...rest } = estimateFromCounters(kept, counters, one.threshold);
      assertClose(confusion_matrix, exact.confusion_matrix, "confusion matrix", 1e-12);
      for (const name of ["accuracy", "precision", "recall", "f1"] as const)
        assertClose(metrics[name].value, exact.metrics[name].value, name, 1e-12);
      const off = Math.abs((metrics.roc_auc.value ?? 2) - (exact.metrics.roc_auc.value ?? 0));
      assert.ok(off > 0 && off <= (rest.roc_auc_binning_error ?? 0), `ROC AUC is off by ${off}`);
    });
  }
});
