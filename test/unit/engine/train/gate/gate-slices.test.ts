/** The gate within slices, and gates that are not defined as they must be. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../../../engine/core/seeded-random.ts";
import { parseTrainingGate } from "../../../../../engine/core/training-gate.ts";
import { sliceFinding } from "../../../../../engine/train/gate/gate-findings.ts";
import { resolveGate } from "../../../../../engine/train/gate/gate-limits.ts";
import { COMPARISON_DEFAULTS } from "../../../../../engine/train/gate/model-comparison.ts";
import { compareSlices } from "../../../../../engine/train/gate/slice-comparison.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { binaryContest, checkOf, failedOf, judge, regressionContest } from "../../../../support/gate-rows.ts";

const better = binaryContest(new SeededRandom(1), 3000, [0.3, 1.2]);
const equal = binaryContest(new SeededRandom(2), 8000, [0.5, 0.5]);

describe("a gate's slices", () => {
  const sliced = (contest: typeof better, count: number, damage: (slice: number, row: number) => boolean) => {
    const codes = Uint16Array.from(contest.rows.targets, (_, row) => row % count);
    const names = Array.from({ length: count }, (_, slice) => `country=${slice}`);
    const predictions = contest.challenger.predictions.map((score, row) =>
      damage(row % count, row) ? 1 - score : score,
    );
    return {
      ...contest,
      rows: { ...contest.rows, slices: [{ codes, names, others: "country=(other)" }] },
      challenger: { ...contest.challenger, predictions },
    };
  };

  it("find the one that a good challenger is bad for", () => {
    const found = judge(
      { calibration: { metric: "log_loss", margin: 10 } },
      sliced(better, 10, (slice) => slice === 4),
    );
    assert.deepEqual(
      failedOf(found).filter((name) => name.startsWith("slices")),
      ["slices.country=4"],
    );
    const check = checkOf(found, "slices.country=4");
    assert.match(
      check?.explanation ?? "",
      /^country=4 \(300 rows\): roc_auc drops by 0\.\d+, more than the 0\.05 allowed, and no chance\.$/,
    );
    assert.equal(found.slices_judged, 10);
    assert.equal(found.slices_passed_over, 0);
  });

  it("with fewer rows than asked for are passed over, and so are those beyond the hundred largest", () => {
    const small = judge(
      {},
      sliced(better, 20, () => false),
    );
    assert.deepEqual([small.slices_judged, small.slices_passed_over], [0, 20]);
    const many = judge(
      { slices: { rows_min: 20 } },
      sliced(equal, 120, () => false),
    );
    assert.deepEqual([many.slices_judged, many.slices_passed_over], [100, 20]);
  });

  it("that have one class only are told and do not reject", () => {
    const contest = sliced(better, 2, () => false);
    const codes = Uint16Array.from(contest.rows.targets);
    const found = judge(
      {},
      { ...contest, rows: { ...contest.rows, slices: [{ codes, names: ["no", "yes"], others: "" }] } },
    );
    assert.equal(found.verdict, "PASSED");
    assert.match(
      checkOf(found, "slices.no")?.explanation ?? "",
      /roc_auc cannot be compared: .*no row is of the positive class\.$/,
    );
  });

  it("of equal models reject in no more than 5 % of samples, however many there are", () => {
    const random = new SeededRandom(9);
    const samples = 200;
    let rejected = 0;
    const limits = resolveGate(parseTrainingGate({ margin: 0.0002 }), "binary");
    for (let sample = 0; sample < samples; sample += 1) {
      const { rows, challenger, champion } = sliced(binaryContest(random, 1600, [0.6, 0.6]), 20, () => false);
      const question = { metric: "roc_auc", rowsMin: 50 } as const;
      const { judged } = compareSlices(rows, challenger, champion, question, COMPARISON_DEFAULTS);
      assert.equal(judged.length, 20);
      if (judged.some((slice) => !sliceFinding(slice, limits).passed)) rejected += 1;
    }
    // 4 standard errors of a share of 0.025 (one side of 0.05) are 0.044
    assert.ok(rejected > 0 && rejected / samples < 0.069, `${rejected} of ${samples}`);
  });
});

describe("a gate's definition", () => {
  const refused = (gate: object, kind: "binary" | "regression", message: RegExp) => {
    const question = kind === "binary" ? better : regressionContest(new SeededRandom(1), 600, [1, 1]);
    assert.throws(() => judge(gate, question), hasCode("INVALID_REQUEST", message));
  };

  it("names the field that is wrong and the remedy", () => {
    refused(
      { metric: "rmse" },
      "binary",
      /^gate: metric: rmse is no metric of binary models, which have roc_auc, /,
    );
    refused({ metric: "rmse" }, "regression", /^gate: margin: must be given: rmse has a unit of its own/);
    refused({ limits: { brier_score: 1 } }, "regression", /limits\.brier_score/);
    refused({ calibration: { metric: "brier_score", margin: 1 } }, "regression", /calibration\.metric/);
    refused({ margin: -1 }, "binary", /^margin: /);
    refused({ confidence: 95 }, "binary", /^confidence: /);
    refused({ required: ["size", "size"] }, "binary", /names a check twice/);
    refused({ margins: 1 }, "binary", /^margins: is no known field/);
    refused({ limits: { "roc auc": 1 } }, "binary", /limits/);
  });

  it("takes a metric with a unit of its own, with its margin", () => {
    const found = judge(
      { metric: "rmse", margin: 0.1 },
      regressionContest(new SeededRandom(1), 600, [1, 1.5]),
    );
    assert.equal(found.verdict, "PASSED");
    assert.equal(found.metric, "rmse");
    assert.ok((checkOf(found, "non_inferiority")?.observed ?? 0) > 0.3);
  });
});
