/** What two readings of an engine's histograms say of the time between them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { meanOf, observedSince, quantileOf, readHistogram } from "../../../bench/stage-times.ts";
import { Metrics } from "../../../engine/core/metrics.ts";

const BOUNDS = [0.001, 0.01, 0.1];

describe("histograms of an engine", () => {
  it("are read with all their series together, and subtracted", () => {
    const metrics = new Metrics();
    const one = metrics.histogram("wait_seconds", "", BOUNDS, { model: 'a,le="9"' });
    metrics.histogram("wait_seconds_more", "", BOUNDS).observe(7);
    one.observe(0.05);
    const before = readHistogram(metrics.toText(), "wait_seconds");
    one.observe(0.002);
    const other = metrics.histogram("wait_seconds", "", BOUNDS, { model: "b" });
    for (const seconds of [0.0005, 0.004, 5]) other.observe(seconds);
    const since = observedSince(before, readHistogram(metrics.toText(), "wait_seconds"));
    assert.deepEqual(since.bounds, [...BOUNDS, Number.POSITIVE_INFINITY]);
    assert.deepEqual(since.cumulative, [1, 3, 3, 4]);
    assert.ok(Math.abs(meanOf(since) - (0.002 + 0.0005 + 0.004 + 5) / 4) < 1e-9);
  });

  it("tell quantiles within their buckets, and the last bound for what lies above it", () => {
    const counted = { bounds: [1, 2, 4, Number.POSITIVE_INFINITY], cumulative: [2, 2, 6, 8], sum: 0 };
    assert.equal(quantileOf(counted, 0.125), 0.5);
    assert.equal(quantileOf(counted, 0.5), 3);
    assert.equal(quantileOf(counted, 0.99), 4);
  });

  it("say nothing of what was not observed", () => {
    const none = readHistogram("", "wait_seconds");
    assert.ok(Number.isNaN(meanOf(none)) && Number.isNaN(quantileOf(none, 0.5)));
  });
});
