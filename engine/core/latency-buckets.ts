/**
 * The buckets that latencies are counted in: logarithmic, so that counts add up over any range and every quantile
 * has the same relative error (those of DDSketch, Masson et al. 2019, with fixed limits).
 *
 *     bucket 0            up to 1 µs
 *     bucket k            (gamma^(k-1), gamma^k] µs, with gamma = (1 + error) / (1 - error)
 *     bucket 1023         and all above: 12.8 minutes
 */

/** A quantile is at most this far from the one of the rows, as a share of it; above 1 µs. */
export const LATENCY_RELATIVE_ERROR = 0.01;
const GAMMA = (1 + LATENCY_RELATIVE_ERROR) / (1 - LATENCY_RELATIVE_ERROR);
const LEAST_MS = 0.001;
export const LATENCY_BUCKETS = 1024;

/** Rows by bucket, as ClickHouse writes a map in JSON. */
export type BucketCounts = Readonly<Record<string, number>>;

/** The largest latency that belongs into a bucket, ms. */
export function bucketEndMs(bucket: number): number {
  return LEAST_MS * GAMMA ** bucket;
}

/** The bucket that a latency belongs into. */
export function bucketOf(latencyMs: number): number {
  if (latencyMs <= LEAST_MS) return 0;
  return Math.min(LATENCY_BUCKETS - 1, Math.ceil(Math.log(latencyMs / LEAST_MS) / Math.log(GAMMA)));
}

/**
 * Quantiles of counted latencies, ms: of the least latency that at least this share of the rows does not exceed (NumPy's
 * `inverted_cdf`), within LATENCY_RELATIVE_ERROR. Null where there are no rows.
 * @param shares rising, from 0 to 1.
 */
export function latencyQuantiles(counts: BucketCounts, shares: readonly number[]): (number | null)[] {
  const buckets = Object.entries(counts)
    .map(([bucket, rows]) => ({ bucket: Number(bucket), rows }))
    .sort((a, b) => a.bucket - b.bucket);
  const total = buckets.reduce((sum, { rows }) => sum + rows, 0);
  return shares.map((share) => {
    let below = 0;
    for (const { bucket, rows } of buckets) {
      below += rows;
      // where the relative distance to both ends of the bucket is the same
      if (rows > 0 && below >= share * total) return bucketEndMs(bucket) * (1 - LATENCY_RELATIVE_ERROR);
    }
    return null;
  });
}
