/** Tests of two models on the same rows against statsmodels, SciPy and scikit-learn; the goldens' script is in test/fixtures. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../../../engine/core/seeded-random.ts";
import type { MetricName } from "../../../../../engine/monitor/performance/metric-table.ts";
import { mcnemarTest, tangoInterval } from "../../../../../engine/train/gate/mcnemar.ts";
import { compareModels } from "../../../../../engine/train/gate/model-comparison.ts";
import { pairedBootstrap } from "../../../../../engine/train/gate/paired-bootstrap.ts";
import { assertClose } from "../../../../support/close.ts";
import { binaryContest, candidate, gateCases, TASKS } from "../../../../support/gate-rows.ts";

function compareGolden(one: ReturnType<typeof gateCases<"bootstrap">>[number], resamples = one.resamples) {
  const rows = { task: TASKS[one.kind], targets: Float64Array.from(one.labels), slices: [] };
  const settings = { confidence: 0.95, resamples, seed: one.seed };
  return compareModels(rows, candidate("b", one.challenger), candidate("a", one.champion), settings);
}

describe("McNemar's test", () => {
  for (const { wins, losses, rows, mode, p, interval } of gateCases("mcnemar"))
    it(`${wins} against ${losses} of ${rows} rows, ${mode}`, () => {
      const found = mcnemarTest(wins, losses);
      assert.equal(found.mode, mode);
      assertClose(found.p / p, 1, "p", 1e-12);
      const { low, high } = tangoInterval(wins, losses, rows, 0.95);
      // the golden's nuisance parameter is maximised numerically
      assertClose([low, high], interval, "interval", 1e-7);
      const back = tangoInterval(losses, wins, rows, 0.95);
      assert.deepEqual([-back.high, -back.low], [low, high]);
    });

  it("knows no difference where the models never disagree, and its interval shrinks with the rows", () => {
    assert.deepEqual(mcnemarTest(0, 0), { mode: "mcnemar_exact", p: 1 });
    const { low, high } = tangoInterval(0, 0, 100, 0.95);
    // the bound solves n d / (1 - d) = z^2
    assertClose([low, high], [-3.8414588 / 103.8414588, 3.8414588 / 103.8414588], "interval", 1e-8);
  });

  it("an interval of all rows won ends at 1", () => {
    const { low, high } = tangoInterval(30, 0, 30, 0.95);
    assert.equal(high, 1);
    assert.ok(low > 0.7 && low < 0.9, String(low));
  });
});

describe("the paired bootstrap", () => {
  for (const one of gateCases("bootstrap")) {
    it(`of ${one.kind} metrics is what scikit-learn measures on the same resamples`, () => {
      const { metrics } = compareGolden(one);
      for (const [name, golden] of Object.entries(one.tests)) {
        const found = metrics.find(({ metric }) => metric === name);
        assert.ok(found?.interval, name);
        const sign = found.better === "higher" ? 1 : -1;
        const { low, high } = found.interval;
        assert.equal(found.test, "bootstrap_percentile");
        const interval = sign === 1 ? [low, high] : [-high, -low];
        assertClose(interval, [golden.low, golden.high], name, 1e-12);
        assertClose((found.gain ?? 0) * sign, golden.difference, name, 1e-12);
        assertClose(found.p_value, golden.p, name, 1e-12);
      }
    });

    it(`of ${one.kind} metrics agrees with SciPy's bootstrap, which draws by itself`, () => {
      const { metric, low, high } = one.scipy;
      const found = compareGolden(one, 4000).metrics.find((paired) => paired.metric === metric);
      assert.ok(found?.interval);
      const [width, tolerance] = [high - low, 0.06];
      assertClose((-found.interval.high - low) / width, 0, "low", tolerance);
      assertClose((-found.interval.low - high) / width, 0, "high", tolerance);
    });
  }

  it("of AUC is none: DeLong's error of several classes is that of all pairs compared", () => {
    const one = gateCases("bootstrap").find(({ kind }) => kind === "multiclass");
    const [golden] = gateCases("auc");
    assert.ok(one && golden);
    const found = compareGolden(one).metrics.find(({ metric }) => metric === "roc_auc_ovr_macro");
    assert.equal(found?.test, "delong");
    assertClose(
      [found?.gain, found?.interval?.low, found?.interval?.high],
      [golden.difference, golden.low, golden.high],
      "auc",
      1e-12,
    );
    assertClose((found?.p_value ?? 0) / golden.p, 1, "p", 1e-9);
  });

  it("takes the normal law for tails that hold too few resamples", () => {
    const one = gateCases("bootstrap").find(({ kind }) => kind === "regression");
    assert.ok(one);
    const rows = { task: TASKS.regression, targets: Float64Array.from(one.labels), slices: [] };
    const pair = [candidate("b", one.challenger), candidate("a", one.champion)] as const;
    const wide = compareModels(rows, ...pair, { confidence: 0.999, resamples: 2000, seed: 1 });
    const usual = compareModels(rows, ...pair, { confidence: 0.95, resamples: 2000, seed: 1 });
    for (const [at, { metric, test, interval, gain, p_value }] of wide.metrics.entries()) {
      assert.equal(test, "bootstrap_normal", metric);
      assert.ok(interval && gain !== null);
      assertClose((interval.low + interval.high) / 2, gain, `${metric} is the middle`, 1e-12);
      // z of 0.999 is 1.68 times that of 0.95; percentiles of 2,000 resamples of skewed errors are 20 % off the normal law's
      const width = (usual.metrics[at]?.interval?.high ?? 0) - (usual.metrics[at]?.interval?.low ?? 0);
      assertClose((interval.high - interval.low) / width / 1.679, 1, `${metric} is wider`, 0.2);
      assert.ok(p_value !== null && p_value >= 0 && p_value <= 1);
    }
  });

  it("draws fewer resamples of many rows, and at least 200", () => {
    let calls = 0;
    const count = (_: Uint32Array, out: Float64Array): void => {
      calls += 1;
      out[0] = calls;
    };
    const settings = { confidence: 0.9, resamples: 10_000, seed: 0 };
    pairedBootstrap(count, Float64Array.of(0), 20_000, settings);
    assert.equal(calls, 2_000);
    calls = 0;
    pairedBootstrap(count, Float64Array.of(0), 250_000, { ...settings, resamples: 500 });
    assert.equal(calls, 200);
  });

  it("has no interval where resamples often have no value", () => {
    let calls = 0;
    const some = (_: Uint32Array, out: Float64Array): void => {
      calls += 1;
      out[0] = calls % 50 === 0 ? Number.NaN : 1;
      out[1] = calls % 500 === 0 ? Number.NaN : 1;
    };
    const [often, seldom] = pairedBootstrap(some, Float64Array.of(1, 1), 10, {
      confidence: 0.9,
      resamples: 1000,
      seed: 0,
    });
    assert.equal(often, undefined);
    assert.deepEqual(seldom?.interval, { low: 1, high: 1 });
  });
});

describe("intervals of the difference of two equal models", () => {
  it("miss 0 in about 5 % of samples, whatever the test", () => {
    const random = new SeededRandom(22);
    const samples = 200;
    const missed = new Map<MetricName, number>();
    for (let sample = 0; sample < samples; sample += 1) {
      const { rows, challenger, champion } = binaryContest(random, 200, [0.7, 0.7]);
      const { metrics } = compareModels(rows, challenger, champion, {
        confidence: 0.95,
        resamples: 300,
        seed: sample,
      });
      for (const { metric, interval, p_value } of metrics) {
        assert.ok(interval && p_value !== null, metric);
        const isOutside = interval.low > 0 || interval.high < 0;
        missed.set(metric, (missed.get(metric) ?? 0) + (isOutside ? 1 : 0));
      }
    }
    assert.equal(missed.size, 10);
    for (const [metric, count] of missed) {
      // 4 standard errors of a share of 0.05 are 0.062; the calibration error's resamples are biased alike on both sides
      assert.ok(count / samples < 0.112, `${metric}: ${count} of ${samples}`);
      if (metric !== "expected_calibration_error" && metric !== "ks")
        assert.ok(count > 1, `${metric}: ${count}`);
    }
  });
});
