/** The gate's verdicts: what passes, what is rejected and why, and what no input can crash. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../../../engine/core/seeded-random.ts";
import type { GateQuestion } from "../../../../../engine/train/gate/gate-verdict.ts";
import {
  binaryContest,
  candidate,
  checkOf,
  failedOf,
  judge,
  regressionContest,
  TASKS,
} from "../../../../support/gate-rows.ts";

const better = binaryContest(new SeededRandom(1), 3000, [0.3, 1.2]);
const equal = binaryContest(new SeededRandom(2), 8000, [0.5, 0.5]);

describe("a gate", () => {
  it("passes a challenger that is better, with every check and its numbers", () => {
    const found = judge({ improvement_min: 0.01 }, { ...better, trainedUntil: Date.UTC(2025, 11, 31) });
    assert.equal(found.verdict, "PASSED");
    assert.deepEqual(found.reasons, []);
    assert.deepEqual(
      found.checks.map(({ name }) => name),
      [
        "evidence",
        "out_of_time",
        "non_inferiority",
        "improvement",
        "calibration",
        "limits.roc_auc",
        "latency.ratio",
        "size",
      ],
    );
    const main = checkOf(found, "non_inferiority");
    assert.equal(main?.test, "delong");
    assert.ok(
      main.observed !== null && main.observed > 0.03 && main.interval !== null && main.p_value !== null,
    );
    assert.ok(main.p_value < 1e-6 && main.limit === -0.01);
    assert.match(
      main.explanation,
      /^roc_auc is 0\.\d+ against the champion's 0\.\d+: the gain of 0\.0\d+ is at least 0\.0\d+ with 95 % confidence, above -0\.01\.$/,
    );
    assert.deepEqual(
      found.comparison.metrics.map(({ metric }) => metric),
      [
        "roc_auc",
        "gini",
        "ks",
        "accuracy",
        "precision",
        "recall",
        "f1",
        "log_loss",
        "brier_score",
        "expected_calibration_error",
      ],
    );
    const [auc, gini] = found.comparison.metrics;
    assert.ok(auc?.interval && gini?.interval);
    assert.deepEqual(
      [gini.interval.low, gini.interval.high, gini.p_value],
      [2 * auc.interval.low, 2 * auc.interval.high, auc.p_value],
    );
    assert.equal(found.comparison.from, "2026-01-01T00:00:00.000Z");
  });

  it("gives the same verdict to the last bit", () => {
    const [one, other] = [judge({}, better), judge({}, better)];
    assert.equal(JSON.stringify(one), JSON.stringify(other));
    const seeded = judge({ seed: 1 }, better);
    assert.notEqual(JSON.stringify(one), JSON.stringify(seeded));
  });

  it("rejects a challenger that is worse, and says by how much", () => {
    const found = judge({}, { rows: better.rows, challenger: better.champion, champion: better.challenger });
    assert.equal(found.verdict, "REJECTED");
    assert.match(
      found.reasons[0] ?? "",
      /the gain of -0\.0\d+ may be as low as -0\.\d+ with 95 % confidence, which is not above -0\.01\.$/,
    );
  });

  it("passes one that is as good where the rows show it, and rejects it where they are too few to", () => {
    const many = judge({}, equal);
    assert.equal(many.verdict, "PASSED", many.reasons.join(" "));
    const few = judge({}, binaryContest(new SeededRandom(3), 500, [0.5, 0.5]));
    assert.deepEqual(failedOf(few).slice(0, 1), ["non_inferiority"]);
  });

  it("asks for certainty where the margin is 0, and for a gain where one is named", () => {
    assert.equal(judge({ margin: 0 }, better).verdict, "PASSED");
    assert.deepEqual(failedOf(judge({ margin: 0 }, equal)), ["non_inferiority"]);
    const wanted = judge({ improvement_min: 0.2 }, better);
    assert.deepEqual(failedOf(wanted), ["improvement"]);
    assert.match(wanted.reasons[0] ?? "", /is less than the 0\.2 asked for\.$/);
  });

  it("lets a challenger that is worse by the margin pass in no more than 2.5 % of samples", () => {
    const random = new SeededRandom(4);
    const samples = 300;
    // mean absolute error of a normal law: deviation times the root of 2 / pi
    const margin = (1.2 - 1) * Math.sqrt(2 / Math.PI);
    const gate = { metric: "mae", margin, rows_min: 50, limits: {} };
    let passed = 0;
    for (let sample = 0; sample < samples; sample += 1)
      if (judge({ ...gate, seed: sample }, regressionContest(random, 200, [1.2, 1])).verdict === "PASSED")
        passed += 1;
    // 4 standard errors of a share of 0.025 are 0.036
    assert.ok(passed > 0 && passed / samples < 0.061, `${passed} of ${samples}`);
  });

  it("holds absolute limits against any champion", () => {
    const found = judge({ limits: { roc_auc: 0.99, log_loss: 0.1, accuracy: 0.5 } }, better);
    assert.deepEqual(failedOf(found), ["limits.roc_auc", "limits.log_loss"]);
    assert.match(
      checkOf(found, "limits.log_loss")?.explanation ?? "",
      /^log_loss is 0\.\d+ \(0\.\d+ to 0\.\d+\), above the limit of 0\.1\.$/,
    );
  });

  it("rejects probabilities that got worse though their order did not", () => {
    const bent = (scores: Float64Array) =>
      scores.map((score) => score ** 3 / (score ** 3 + (1 - score) ** 3));
    const challenger = { ...equal.challenger, predictions: bent(equal.champion.predictions) };
    const found = judge({}, { ...equal, challenger });
    assert.deepEqual(failedOf(found), ["calibration"]);
    assert.equal(checkOf(found, "non_inferiority")?.observed, 0);
    const byBrier = judge(
      { calibration: { metric: "brier_score", margin: 0.005 } },
      { ...equal, challenger },
    );
    assert.match(byBrier.reasons[0] ?? "", /^brier_score is/);
  });

  it("limits time and size, relative to the champion and absolutely", () => {
    const slow = { ...better.challenger, latencyUs: 31, bytes: 2000 };
    const found = judge({ latency_us_max: 30, bytes_max: 1999 }, { ...better, challenger: slow });
    assert.deepEqual(failedOf(found), ["latency.us", "latency.ratio", "size"]);
    assert.equal(checkOf(found, "latency.ratio")?.observed, 3.1);
    const unmeasured = judge({}, { ...better, challenger: { ...slow, latencyUs: Number.NaN } });
    assert.deepEqual(failedOf(unmeasured), ["latency.ratio"]);
  });

  it("reports checks that are not required without rejecting for them", () => {
    const found = judge({ improvement_min: 0.5, required: ["non_inferiority"] }, better);
    assert.equal(found.verdict, "PASSED");
    assert.deepEqual(failedOf(found), ["improvement"]);
    assert.equal(checkOf(found, "improvement")?.required, false);
  });

  it("without a champion makes the absolute checks alone", () => {
    const { rows, challenger } = better;
    const found = judge({ latency_us_max: 100 }, { rows, challenger, trainedUntil: 0 });
    assert.equal(found.verdict, "PASSED");
    assert.deepEqual(
      found.checks.map(({ name }) => name),
      ["evidence", "out_of_time", "limits.roc_auc", "latency.us", "size"],
    );
    assert.ok(found.comparison.metrics.every(({ champion, gain }) => champion === null && gain === null));
    const guess = candidate(
      "guess",
      rows.targets.map((_, row) => ((row * 7919) % 997) / 997 / 2 + (1 - (rows.targets[row] ?? 0)) / 4),
    );
    assert.deepEqual(failedOf(judge({}, { rows, challenger: guess })), ["limits.roc_auc"]);
  });

  it("judges several classes and values by metrics of their own", () => {
    const random = new SeededRandom(5);
    const targets = Float64Array.from({ length: 900 }, () => random.below(3));
    const seen = (noise: number) =>
      Float64Array.from({ length: 2700 }, (_, at) => {
        const isOwn = targets[Math.floor(at / 3)] === at % 3;
        return isOwn ? 0.5 + noise * (random.uniform() - 0.5) : 0.25;
      }).map(
        (value, at, all) =>
          value / all.slice(at - (at % 3), at - (at % 3) + 3).reduce((sum, one) => sum + one, 0),
      );
    const rows = { task: TASKS.multiclass, targets, slices: [] };
    const several = judge(
      {},
      { rows, challenger: candidate("b", seen(0.6)), champion: candidate("a", seen(0.95)) },
    );
    assert.equal(several.metric, "roc_auc_ovr_macro");
    assert.equal(several.verdict, "PASSED", several.reasons.join(" "));
    const values = judge({}, regressionContest(random, 600, [1, 1.5]));
    assert.equal(values.metric, "r2");
    assert.equal(values.verdict, "PASSED", values.reasons.join(" "));
    assert.equal(checkOf(values, "non_inferiority")?.test, "bootstrap_percentile");
  });
});

describe("a gate's evidence", () => {
  const first = (values: Float64Array, value: number) => values.map((old, at) => (at === 3 ? value : old));
  const { rows, challenger, champion } = better;
  const cases: readonly [string, GateQuestion, RegExp][] = [
    [
      "too few rows",
      binaryContest(new SeededRandom(6), 499, [0.3, 1.2]),
      /^499 labelled out-of-time rows are too few .* lower rows_min \(500\)\.$/,
    ],
    [
      "no rows",
      binaryContest(new SeededRandom(6), 0, [0.3, 1.2]),
      /^0 labelled out-of-time rows are too few/,
    ],
    [
      "one class",
      { ...better, rows: { ...rows, targets: rows.targets.map(() => 0) } },
      /^Class 1 has 0 out-of-time rows, too few/,
    ],
    [
      "a challenger's NaN",
      { ...better, challenger: { ...challenger, predictions: first(challenger.predictions, Number.NaN) } },
      /predictions of fraud 2: row 3 has NaN/,
    ],
    [
      "a champion's NaN",
      { ...better, champion: { ...champion, predictions: first(champion.predictions, Number.NaN) } },
      /predictions of fraud 1: row 3 has NaN/,
    ],
    [
      "a probability above 1",
      { ...better, challenger: { ...challenger, predictions: first(challenger.predictions, 1.5) } },
      /row 3 has 1\.5: a probability is from 0 to 1/,
    ],
    [
      "a label that is none",
      { ...better, rows: { ...rows, targets: first(rows.targets, Number.NaN) } },
      /targets: row 3 has NaN/,
    ],
    [
      "an unknown class",
      { ...better, rows: { ...rows, targets: first(rows.targets, 7) } },
      /row 3 has 7: a class is an index from 0 to 1/,
    ],
    [
      "a class between two",
      { ...better, rows: { ...rows, targets: first(rows.targets, 0.5) } },
      /row 3 has 0\.5: a class/,
    ],
    [
      "predictions of other rows",
      { ...better, challenger: { ...challenger, predictions: challenger.predictions.slice(1) } },
      /2999 entries for 3000 rows/,
    ],
    [
      "times of other rows",
      { ...better, rows: { ...rows, times: Float64Array.of(1) } },
      /times: 1 entries for 3000 rows/,
    ],
    [
      "a time that is none",
      { ...better, rows: { ...rows, times: rows.targets.map(() => 1e300) } },
      /times: row 0 has 1e\+300/,
    ],
    [
      "slices of other rows",
      { ...better, rows: { ...rows, slices: [{ codes: Uint16Array.of(0), names: ["a"], others: "b" }] } },
      /slices: 1 entries for 3000 rows/,
    ],
    [
      "too many rows",
      { ...better, rows: { ...rows, targets: new Float64Array(1_000_001) } },
      /at most 1000000 are judged: draw some of them/,
    ],
  ];
  for (const [title, question, reason] of cases)
    it(`${title}: rejected with the reason, never a crash`, () => {
      const found = judge({}, question);
      assert.equal(found.verdict, "REJECTED");
      assert.match(found.reasons[0] ?? "", reason);
      assert.deepEqual(found.comparison.metrics, []);
      assert.deepEqual(
        found.checks.map(({ name }) => name),
        ["evidence", "latency.ratio", "size"],
      );
      assert.ok(JSON.parse(JSON.stringify(found)));
    });

  it("rows that a model may have seen are refused", () => {
    const found = judge({}, { ...better, trainedUntil: rows.times?.[9] as number });
    assert.deepEqual(failedOf(found), ["out_of_time"]);
    assert.match(found.reasons[0] ?? "", /^10 of 3000 rows are not later/);
  });

  it("a metric without a value rejects and says why", () => {
    const { rows: values, ...pair } = regressionContest(new SeededRandom(7), 600, [1, 1]);
    const found = judge({}, { ...pair, rows: { ...values, targets: values.targets.map(() => 4) } });
    assert.match(
      found.reasons[0] ?? "",
      /^r2 cannot be compared: the current rows: all labels are the same\.$/,
    );
    assert.match(found.reasons[1] ?? "", /^r2 has no value: all labels are the same\.$/);
  });

  it("predictions that are huge neither crash nor pass", () => {
    const {
      rows: values,
      champion: old,
      challenger: next,
    } = regressionContest(new SeededRandom(8), 600, [1, 1]);
    const huge = { ...next, predictions: next.predictions.map(() => 1e200) };
    const found = judge({}, { rows: values, challenger: huge, champion: old });
    assert.equal(found.verdict, "REJECTED");
    assert.ok(!JSON.stringify(found).includes("NaN"));
  });
});
