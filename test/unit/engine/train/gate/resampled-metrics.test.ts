/** Metrics of resampled rows are those that reports would have of the same rows, written out one by one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../../../engine/core/seeded-random.ts";
import {
  type LabelledRows,
  predictAt,
  takeRows,
} from "../../../../../engine/monitor/performance/labelled-rows.ts";
import { metricsOf } from "../../../../../engine/monitor/performance/metric-table.ts";
import { measurePerformance } from "../../../../../engine/monitor/performance/realised-performance.ts";
import { resampledMetrics } from "../../../../../engine/train/gate/resampled-metrics.ts";
import { assertClose } from "../../../../support/close.ts";

const COUNT = 14;
const random = new SeededRandom(41);
/** Few values, so that scores are tied and resamples leave some out. */
const scores = Float64Array.from({ length: COUNT }, () => random.below(9) / 8);
const labels = Uint8Array.from(scores, (score) => (random.uniform() < 0.2 + 0.6 * score ? 1 : 0));
const classes = Uint16Array.from({ length: COUNT }, () => random.below(3));
const KINDS: readonly LabelledRows[] = [
  { kind: "binary", scores, predicted: predictAt(scores, 0.5), labels },
  {
    kind: "multiclass",
    classes: 3,
    probabilities: Float64Array.from({ length: 3 * COUNT }, () => 1 / 3),
    predicted: Uint16Array.from({ length: COUNT }, () => random.below(3)),
    labels: classes,
  },
  {
    kind: "regression",
    predicted: Float64Array.from({ length: COUNT }, () => random.normal()),
    labels: Float64Array.from({ length: COUNT }, () => random.normal()),
  },
];
/** These have tests of their own, in closed form. */
const CLOSED = ["roc_auc", "gini", "accuracy", "roc_auc_ovr_macro"];

describe("metrics of resampled rows", () => {
  for (const rows of KINDS)
    it(`of ${rows.kind} models are those of the rows themselves, each as often as it was drawn`, () => {
      const wanted = metricsOf(rows.kind).filter((metric) => !CLOSED.includes(metric));
      const metricsFor = resampledMetrics(rows, wanted);
      for (let resample = 0; resample < 500; resample += 1) {
        const drawn = Uint32Array.from({ length: COUNT }, () => random.below(COUNT));
        const counts = new Uint32Array(COUNT);
        for (const row of drawn) counts[row] = (counts[row] as number) + 1;
        const found = metricsFor(counts);
        const { metrics } = measurePerformance(takeRows(rows, drawn));
        for (const metric of wanted) {
          const value = found[metric]?.value;
          assert.ok(value !== undefined, metric);
          assertClose(value, metrics[metric]?.value, `${metric} of resample ${resample}`, 1e-9);
        }
      }
    });
});
