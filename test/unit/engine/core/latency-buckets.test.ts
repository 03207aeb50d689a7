import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type BucketCounts,
  bucketEndMs,
  bucketOf,
  LATENCY_BUCKETS,
  LATENCY_RELATIVE_ERROR,
  latencyQuantiles,
} from "../../../../engine/core/latency-buckets.ts";
import { createRandom } from "../../../support/random.ts";

const SHARES = [0, 0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1];

function countsOf(latencies: readonly number[]): BucketCounts {
  const counts: Record<string, number> = {};
  for (const latency of latencies) counts[bucketOf(latency)] = (counts[bucketOf(latency)] ?? 0) + 1;
  return counts;
}

/** The least value that at least `share` of the values do not exceed. */
function exactQuantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
}

describe("latency buckets", () => {
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

  it("give quantiles within the stated error, of all shapes", () => {
    const { next } = createRandom(2);
    const shapes: Record<string, () => number> = {
      uniform: () => 0.01 + next() * 50,
      heavy: () => 0.1 * (1 - next()) ** -1.5,
      atoms: () => [0.5, 0.5, 3, 1000][Math.floor(next() * 4)] as number,
    };
    for (const [name, draw] of Object.entries(shapes)) {
      for (const size of [1, 2, 19, 1000]) {
        const latencies = Array.from({ length: size }, draw);
        const quantiles = latencyQuantiles(countsOf(latencies), SHARES);
        for (const [index, share] of SHARES.entries()) {
          const exact = exactQuantile(latencies, share);
          const error = Math.abs((quantiles[index] as number) - exact) / exact;
          assert.ok(error <= LATENCY_RELATIVE_ERROR * (1 + 1e-9), `${name} ${size} ${share}: ${error}`);
        }
      }
    }
  });

  it("give none without rows", () => {
    assert.deepEqual(latencyQuantiles({}, [0.5]), [null]);
  });
});
