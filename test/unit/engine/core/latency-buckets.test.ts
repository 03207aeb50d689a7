import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  bucketEndMs,
  bucketOf,
  LATENCY_BUCKETS,
  LATENCY_RELATIVE_ERROR,
} from "../../../../engine/core/latency-buckets.ts";
import { createRandom } from "../../../support/random.ts";

describe("latency buckets", () => {
  it("are as wide as the stated error allows", () => {
    const [low, high] = [bucketEndMs(99), bucketEndMs(100)];
    const middle = high * (1 - LATENCY_RELATIVE_ERROR);
    assert.ok(Math.abs(middle / high - 1) <= LATENCY_RELATIVE_ERROR * (1 + 1e-9));
    assert.ok(Math.abs(middle / low - 1) <= LATENCY_RELATIVE_ERROR * (1 + 1e-9));
  });

  it("hold every latency below their end and above the one before", () => {
    const { next } = createRandom(1);
    for (let round = 0; round < 10_000; round++) {
      const latency = 0.001 * Math.exp(next() * 20);
      const bucket = bucketOf(latency);
      assert.ok(latency <= bucketEndMs(bucket) * (1 + 1e-12), `${latency} in ${bucket}`);
      assert.ok(latency > bucketEndMs(bucket - 1) * (1 - 1e-12), `${latency} in ${bucket}`);
    }
  });

  it("take what is too small or too large, too", () => {
    assert.equal(bucketOf(0), 0);
    assert.equal(bucketOf(0.001), 0);
    assert.equal(bucketOf(1e12), LATENCY_BUCKETS - 1);
    assert.ok(bucketEndMs(LATENCY_BUCKETS - 1) > 600_000, "the longest deadline has a bucket");
  });
});
