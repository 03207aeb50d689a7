/**
 * When a canary is judged broken: soon if it is, and hardly ever if it does as well as the champion.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deployment } from "../../../../engine/core/deployment.ts";
import { judgeCanary, sampledP99 } from "../../../../engine/deployments/canary-verdict.ts";
import { ServingWindow, type WindowCounts } from "../../../../engine/deployments/serving-window.ts";
import { createRandom } from "../../../support/random.ts";

const defaults = deployment.parse({ strategy: "canary" });
assert.ok(defaults.strategy === "canary");
const LIMITS = defaults.limits;

/** A window in which each row takes what `timeMs` says, or fails when that is undefined; its half-seconds have as many rows each. */
function windowOf(rows: number, timeMs: (row: number) => number | undefined, slots = 20): WindowCounts {
  const window = new ServingWindow();
  for (let row = 0; row < rows; row++) {
    const ms = timeMs(row);
    const atMs = 10_000 + Math.floor((row * slots) / rows) * 500;
    if (ms === undefined) window.failed("INFERENCE_FAILED", 1, atMs);
    else window.answered(atMs - ms, atMs - ms, atMs);
  }
  return window.sum(10_000 + slots * 500 - 1);
}

describe("canary-verdict", () => {
  const champion = windowOf(1_000, (row) => 1 + (row % 100) / 50);
  const championP99Ms = sampledP99(champion, 100);
  const judge = (canary: WindowCounts, beside = champion, limits = LIMITS) =>
    judgeCanary({ canary, champion: beside, championP99Ms }, limits);

  it("finds nothing in a canary that does as the champion, or that nobody has asked", () => {
    assert.equal(judge(champion), undefined);
    assert.equal(judge(windowOf(0, () => 1)), undefined);
  });

  it("finds a canary that always fails by its fifth row, and not by its fourth", () => {
    assert.equal(judge(windowOf(4, () => undefined)), undefined);
    const breach = judge(windowOf(5, () => undefined));
    assert.match(breach?.reason ?? "", /^error rate 100\.0 %, the champion's 0\.0 %, 1\.0 % more allowed$/);
    assert.deepEqual(breach?.details, {
      limit: "error_rate",
      rows: 5,
      champion_rows: 1_000,
      error_rate: 1,
      champion_error_rate: 0,
    });
  });

  it("does not blame the canary for errors that the champion has too", () => {
    const failing = windowOf(1_000, (row) => (row % 10 === 0 ? undefined : 1));
    assert.equal(judge(failing, failing), undefined);
    assert.equal(judge(failing)?.details["limit"], "error_rate");
  });

  it("finds a p99 above its limit, or above the champion's by more than the ratio", () => {
    const slow = windowOf(200, (row) => (row % 10 === 0 ? 30 : 1));
    const breach = judge(slow);
    assert.equal(breach?.details["limit"], "latency_p99_ratio");
    assert.match(
      breach?.reason ?? "",
      /p99 of service time 30\.\d ms, the champion's (2\.9|3\.0) ms, 2 times/,
    );
    assert.equal(judge(slow, champion, { ...LIMITS, latency_p99_ratio: 20 }), undefined);
    const limits = { ...LIMITS, latency_p99_ratio: 20, latency_p99_ms: 25 };
    assert.equal(judge(slow, champion, limits)?.details["limit"], "latency_p99_ms");
  });

  it("takes no slow row for a trend, and compares with nothing that is no sample", () => {
    const everyTenth = (slow: number) =>
      windowOf(100, (row) => (row % 10 === 0 && row < slow * 10 ? 500 : 1));
    assert.equal(judge(everyTenth(6)), undefined);
    assert.notEqual(judge(everyTenth(7)), undefined); // five beside the two half-seconds that may have been stalls
    const few = windowOf(99, () => 1);
    assert.equal(sampledP99(few, 100), undefined);
    const evidence = { canary: windowOf(1_000, () => 500), champion: few, championP99Ms: undefined };
    assert.equal(judgeCanary(evidence, LIMITS), undefined);
  });

  it("takes two stalls for no trend, however many rows waited, and finds a slow canary in the third half-second", () => {
    const stalled = windowOf(1_000, (row) => (row < 100 ? 500 : 1));
    assert.equal(judge(stalled), undefined);
    assert.equal(judge(stalled, champion, { ...LIMITS, latency_p99_ms: 25 }), undefined);
    assert.equal(judge(windowOf(30, () => 500, 2)), undefined);
    assert.equal(judge(windowOf(30, () => 500, 3))?.details["limit"], "latency_p99_ratio");
  });

  it("withdraws fewer than one in a thousand looks at canaries that fail as often as the champion", () => {
    const random = createRandom(7);
    let breaches = 0;
    for (let look = 0; look < 2_000; look++) {
      const [canary, beside] = [100, 1_000].map((rows) =>
        windowOf(rows, () => (random.next() < 0.005 ? undefined : 1)),
      ) as [WindowCounts, WindowCounts];
      if (judge(canary, beside) !== undefined) breaches++;
    }
    assert.ok(breaches <= 2, `${breaches} of 2000`);
  });
});
