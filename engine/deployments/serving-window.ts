// hot path
/**
 * How one model version was served in the last seconds: rows answered, rows failed, and how long they took, in the buckets that all
 * latencies are counted in. A ring of slots of half a second each; what is older is overwritten.
 *
 * Latency is from arrival to answer. Service time leaves out the wait for a worker: workers are shared, so that a slow version makes
 * the others' rows wait, and their latencies say nothing of who is to blame.
 * Only versions of a canary under way have a window. Bound: 160 KiB.
 */
import type { ErrorCode } from "../core/errors.ts";
import { bucketEndMs, bucketOf, LATENCY_BUCKETS } from "../core/latency-buckets.ts";

const SLOTS = 20;
const SLOT_MS = 500;

/** Say nothing of the version: the engine is full, stops, or a service is away. */
const OF_ENGINE: ReadonlySet<ErrorCode> = new Set([
  "QUEUE_FULL",
  "SHUTTING_DOWN",
  "NOT_READY",
  "LOG_UNAVAILABLE",
  "SERVICE_UNAVAILABLE",
]);

/** Of the rows answered, by bucket. */
export interface Times {
  readonly latencies: Uint32Array;
  readonly serviceTimes: Uint32Array;
}

/** Sums over the window. */
export interface WindowCounts extends Times {
  readonly rows: number;
  readonly failures: number;
  /** Of each slot in which anything was counted. Read before the next row is: it is the window's own memory. */
  readonly slots: readonly (Times & { readonly rows: number })[];
}

export class ServingWindow {
  readonly #latencies = new Uint32Array(SLOTS * LATENCY_BUCKETS);
  readonly #serviceTimes = new Uint32Array(SLOTS * LATENCY_BUCKETS);
  readonly #answered = new Uint32Array(SLOTS);
  readonly #failed = new Uint32Array(SLOTS);
  /** Number of the half-second that each slot is of. */
  readonly #numbers = new Float64Array(SLOTS).fill(-1);
  /** Rows answered since the window was opened. */
  answeredTotal = 0;

  /** @param arrivedMs, startedMs, nowMs performance.now() of the row's arrival, its batch's start and its answer. */
  answered(arrivedMs: number, startedMs: number, nowMs: number): void {
    const slot = this.#slot(nowMs);
    const offset = slot * LATENCY_BUCKETS;
    count(this.#latencies, offset + bucketOf(nowMs - arrivedMs));
    count(this.#serviceTimes, offset + bucketOf(nowMs - startedMs));
    count(this.#answered, slot);
    this.answeredTotal++;
  }

  failed(code: ErrorCode, rows: number, nowMs: number): void {
    if (OF_ENGINE.has(code)) return;
    const slot = this.#slot(nowMs);
    this.#failed[slot] = (this.#failed[slot] as number) + rows;
  }

  sum(nowMs: number): WindowCounts {
    const oldest = Math.floor(nowMs / SLOT_MS) - SLOTS;
    const latencies = new Uint32Array(LATENCY_BUCKETS);
    const serviceTimes = new Uint32Array(LATENCY_BUCKETS);
    const slots: WindowCounts["slots"][number][] = [];
    let rows = 0;
    let failures = 0;
    for (let slot = 0; slot < SLOTS; slot++) {
      if ((this.#numbers[slot] as number) <= oldest) continue;
      const counted = {
        rows: (this.#answered[slot] as number) + (this.#failed[slot] as number),
        latencies: timesOf(this.#latencies, slot),
        serviceTimes: timesOf(this.#serviceTimes, slot),
      };
      rows += counted.rows;
      failures += this.#failed[slot] as number;
      add(latencies, counted.latencies);
      add(serviceTimes, counted.serviceTimes);
      slots.push(counted);
    }
    return { rows, failures, latencies, serviceTimes, slots };
  }

  #slot(nowMs: number): number {
    const number = Math.floor(nowMs / SLOT_MS);
    const slot = number % SLOTS;
    if (this.#numbers[slot] === number) return slot;
    this.#numbers[slot] = number;
    this.#answered[slot] = 0;
    this.#failed[slot] = 0;
    for (const counts of [this.#latencies, this.#serviceTimes])
      counts.fill(0, slot * LATENCY_BUCKETS, (slot + 1) * LATENCY_BUCKETS);
    return slot;
  }
}

function count(counts: Uint32Array, at: number): void {
  counts[at] = (counts[at] as number) + 1;
}

function timesOf(counts: Uint32Array, slot: number): Uint32Array {
  return counts.subarray(slot * LATENCY_BUCKETS, (slot + 1) * LATENCY_BUCKETS);
}

function add(sums: Uint32Array, counts: Uint32Array): void {
  for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++)
    sums[bucket] = (sums[bucket] as number) + (counts[bucket] as number);
}

/** The 99th percentile of times, ms, to the buckets' error; undefined when there are none. */
export function p99Of(times: Uint32Array): number | undefined {
  const rows = times.reduce((sum, count) => sum + count, 0);
  let above = Math.floor(rows * 0.01);
  for (let bucket = LATENCY_BUCKETS - 1; bucket >= 0; bucket--) {
    above -= times[bucket] as number;
    if (above < 0) return bucketEndMs(bucket);
  }
  return undefined;
}

/** Rows that surely took longer than `limitMs`. */
export function slowerThan(times: Uint32Array, limitMs: number): number {
  let rows = 0;
  for (let bucket = bucketOf(limitMs) + 1; bucket < LATENCY_BUCKETS; bucket++)
    rows += times[bucket] as number;
  return rows;
}
