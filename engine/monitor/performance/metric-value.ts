/**
 * The value of one metric, as it goes into JSON: a finite number with its interval, or null with the reason.
 *
 * Invariant: never NaN, never infinite.
 */
import type { MetricName } from "./metric-table.ts";

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface MetricValue {
  readonly value: number | null;
  /** Why there is no value; only then. */
  readonly reason?: string;
  /** Confidence interval of the value; missing where the rows are too few for one. */
  readonly interval?: Interval;
}

export type MetricSet = Readonly<Partial<Record<MetricName, MetricValue>>>;

/** A value, or null when rounding or overflow left no finite number. */
export function known(value: number, interval?: Interval): MetricValue {
  if (!Number.isFinite(value)) return unknownFor("the value is too large for a number");
  const isFinite = interval !== undefined && Number.isFinite(interval.low) && Number.isFinite(interval.high);
  return isFinite ? { value, interval } : { value };
}

export function unknownFor(reason: string): MetricValue {
  return { value: null, reason };
}
