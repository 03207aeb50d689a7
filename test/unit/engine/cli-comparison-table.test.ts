/** Comparisons of models and verdicts of the gate as the terminal shows them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { comparisonLines, verdictLines } from "../../../engine/cli-comparison-table.ts";
import { SeededRandom } from "../../../engine/core/seeded-random.ts";
import { parseTrainingGate } from "../../../engine/core/training-gate.ts";
import { judgeChallenger } from "../../../engine/train/gate/gate-verdict.ts";
import { compareModels } from "../../../engine/train/gate/model-comparison.ts";
import { binaryContest, regressionContest } from "../../support/gate-rows.ts";

const gate = parseTrainingGate({ resamples: 500 });

describe("a comparison on the terminal", () => {
  it("has a line per metric, with both values, the gain and how sure it is", () => {
    const { rows, challenger, champion } = regressionContest(new SeededRandom(31), 400, [1, 1.5]);
    const { metrics, ...head } = compareModels(rows, challenger, champion, gate);
    const shown = metrics.filter(({ metric }) => metric === "mae" || metric === "r2");
    const lines = comparisonLines({ ...head, metrics: shown });
    const [mae, r2] = shown;
    assert.ok(mae?.interval && r2?.interval);
    const four = (value: number | null | undefined) => String(Number((value ?? Number.NaN).toPrecision(4)));
    const cells = (one: typeof mae) =>
      [one.challenger.value, one.champion?.value, one.gain].map(four).join("|");
    assert.equal(lines[0], "price 2 against price 1: 400 out-of-time rows");
    assert.deepEqual(lines[2]?.split(/ {2,}/), [
      "metric",
      "challenger",
      "champion",
      "gain",
      "95 % interval",
      "p",
      "verdict",
      "test",
    ]);
    assert.equal(lines[3]?.split(/ {2,}/).slice(1, 4).join("|"), cells(mae));
    assert.deepEqual(lines[3]?.split(/ {2,}/).slice(4), [
      `${four(mae.interval.low)} to ${four(mae.interval.high)}`,
      "0.0040",
      "better",
      "bootstrap, percentile",
    ]);
    assert.deepEqual(
      lines.slice(-2).map((line) => line.split(/ {2,}/)),
      [
        ["µs a row (median)", "10", "10"],
        ["bytes", "1,000", "1,000"],
      ],
    );
  });

  it("says why there is no value, and whose names cannot steer the terminal", () => {
    const { rows, challenger } = regressionContest(new SeededRandom(32), 400, [1, 1]);
    const question = {
      rows: { ...rows, targets: rows.targets.map(() => 1) },
      challenger: { ...challenger, name: "a\u001b[2J" },
    };
    const lines = verdictLines(judgeChallenger(gate, question));
    assert.equal(lines[0], "a\ufffd[2J without a champion: 400 out-of-time rows");
    assert.ok(lines.includes("REJECTED on r2"));
    assert.ok(
      lines.some((line) => /^FAILED {2}400 labelled out-of-time rows are too few/.test(line)),
      lines.join("\n"),
    );
  });
});

describe("a verdict on the terminal", () => {
  it("has a sentence per check, and counts slices that passed", () => {
    const contest = binaryContest(new SeededRandom(33), 3000, [0.3, 1.2]);
    const codes = Uint16Array.from(contest.rows.targets, (_, row) => row % 12);
    const names = Array.from({ length: 12 }, (_, slice) => `country=${slice}`);
    const question = { ...contest, rows: { ...contest.rows, slices: [{ codes, names, others: "" }] } };
    const lines = verdictLines(judgeChallenger(gate, question));
    assert.equal(
      lines[0],
      "fraud 2 against fraud 1: 3,000 out-of-time rows, 2026-01-01 00:00 to 2026-05-05 23:00 UTC",
    );
    const at = lines.indexOf("PASSED on roc_auc");
    assert.ok(at > 0);
    assert.match(lines[at + 2] ?? "", /^passed {2}roc_auc is 0\.\d+ against the champion's 0\.\d+: the gain/);
    assert.equal(lines.filter((line) => /^passed {2}country=/.test(line)).length, 5);
    assert.equal(lines.at(-1), "7 more slices passed");
  });

  it("marks what failed and what was not required", () => {
    const contest = binaryContest(new SeededRandom(33), 600, [1.2, 0.3]);
    const strict = judgeChallenger(
      parseTrainingGate({ resamples: 500, bytes_max: 1, required: ["non_inferiority"] }),
      contest,
    );
    const lines = verdictLines(strict);
    assert.ok(lines.includes("REJECTED on roc_auc"));
    assert.ok(lines.some((line) => /^FAILED +roc_auc is/.test(line)));
    assert.ok(
      lines.includes("failed (not required)  The model has 1000 bytes; 1 are allowed."),
      lines.join("\n"),
    );
  });
});
