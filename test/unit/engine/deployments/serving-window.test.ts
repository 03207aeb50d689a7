/**
 * The sliding window of one version: what is in it, what has left it, and what it says of percentiles.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { p99Of, ServingWindow, slowerThan } from "../../../../engine/deployments/serving-window.ts";

describe("serving-window", () => {
  it("counts the last ten seconds, and nothing older", () => {
    const window = new ServingWindow();
    for (let second = 0; second < 25; second++) {
      const nowMs = second * 1_000 + 500;
      window.answered(nowMs - 2, nowMs - 1, nowMs);
      window.failed("INFERENCE_FAILED", 2, nowMs);
    }
    const { rows, failures, latencies } = window.sum(24_900);
    assert.deepEqual([rows, failures, latencies.reduce((sum, count) => sum + count)], [30, 20, 10]);
    assert.equal(window.sum(29_500).rows, 15);
    assert.equal(window.sum(40_000).rows, 0);
    assert.equal(window.answeredTotal, 25);
  });

  it("leaves out failures that say nothing of the version", () => {
    const window = new ServingWindow();
    window.failed("QUEUE_FULL", 5, 100);
    window.failed("LOG_UNAVAILABLE", 5, 100);
    window.failed("INVALID_FEATURES", 1, 100);
    assert.deepEqual([window.sum(200).rows, window.sum(200).failures], [1, 1]);
  });

  it("tells the wait for a worker from the time that the version takes", () => {
    const window = new ServingWindow();
    for (let row = 1; row <= 1_000; row++) window.answered(0, 900, 900 + row / 10);
    const { latencies, serviceTimes } = window.sum(1_100);
    const [latency = 0, service = 0] = [p99Of(latencies), p99Of(serviceTimes)];
    assert.ok(Math.abs(latency - 999) <= 0.02 * 999, String(latency));
    assert.ok(Math.abs(service - 99) <= 0.02 * 99, String(service));
    assert.equal(slowerThan(latencies, 2_000), 0);
    const slow = slowerThan(serviceTimes, 50);
    assert.ok(slow >= 485 && slow <= 500, String(slow));
    assert.equal(p99Of(new ServingWindow().sum(0).latencies), undefined);
  });
});
