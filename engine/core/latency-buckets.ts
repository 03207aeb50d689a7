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

/** The largest latency that belongs into a bucket, ms. */
export function bucketEndMs(bucket: number): number {
  return LEAST_MS * GAMMA ** bucket;
}

/** The bucket that a latency belongs into. */
export function bucketOf(latencyMs: number): number {
  if (latencyMs <= LEAST_MS) return 0;
  return Math.min(LATENCY_BUCKETS - 1, Math.ceil(Math.log(latencyMs / LEAST_MS) / Math.log(GAMMA)));
}
