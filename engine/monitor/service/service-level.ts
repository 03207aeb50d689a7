/**
 * Service levels over a period, in the terms of Google's SRE workbook: good events of all valid ones are the indicator
 * (SLI), the share that is asked for is the objective (SLO), what may fail is the error budget, and the burn rate says
 * how many times faster than planned it is being spent.
 *
 * Everything is sums of counts per minute, so any period is a sum and late minutes change only their own counts.
 */
import { METRICS, type MetricName } from "../performance/metric-table.ts";
import type { MetricValue } from "../performance/metric-value.ts";

/** What one minute brought. */
export interface MinuteCounts {
  /** Start of the minute, ms since 1970. */
  readonly time: number;
  /** Rows that were asked for, answered or not. */
  readonly rows: number;
  /** Of these, those that failed by the engine's fault. */
  readonly errors: number;
  /** Answered rows that took longer than the objective's bound; needed for latency. */
  readonly slow?: number;
}

/** A metric that was measured over some time. */
export interface MeasuredMetric {
  /** Start of the measured window, ms since 1970. */
  readonly time: number;
  readonly value: MetricValue;
}

/** Events of a moment: rows, minutes or windows. */
export interface GoodEvents {
  readonly time: number;
  readonly good: number;
  readonly valid: number;
}

/**
 * Latency by rows: "p99 within 50 ms" is a target of 0.99 for rows within 50 ms. Exact over any period, where
 * quantiles of minutes cannot be added. Failed rows are the error rate's matter.
 */
export function rowsInTime(minutes: readonly MinuteCounts[]): GoodEvents[] {
  return minutes.flatMap(({ time, rows, errors, slow }) => {
    const answered = rows - errors;
    return slow === undefined ? [] : [{ time, good: answered - slow, valid: answered }];
  });
}

/**
 * Latency by minutes: a minute is good when its quantile is within the bound, that is, when at least that share of its
 * answered rows is; one without answered rows does not count.
 */
export function minutesInTime(minutes: readonly MinuteCounts[], quantile: number): GoodEvents[] {
  return minutes.flatMap(({ time, rows, errors, slow }) => {
    const answered = rows - errors;
    if (slow === undefined || answered === 0) return [];
    return [{ time, good: answered - slow >= quantile * answered ? 1 : 0, valid: 1 }];
  });
}

/** Error rate, or availability by requests: rows that did not fail. "At most 0.1 % errors" is a target of 0.999. */
export function rowsWithoutError(minutes: readonly MinuteCounts[]): GoodEvents[] {
  return minutes.map(({ time, rows, errors }) => ({ time, good: rows - errors, valid: rows }));
}

/** Availability by time: a minute is good when at most this share of its rows failed; one without rows does not count. */
export function availableMinutes(minutes: readonly MinuteCounts[], errorRateMax: number): GoodEvents[] {
  return minutes.flatMap(({ time, rows, errors }) =>
    rows === 0 ? [] : [{ time, good: errors <= errorRateMax * rows ? 1 : 0, valid: 1 }],
  );
}

/** Quality: a window is good when the metric is not on the wrong side of the bound; one without a value does not count. */
export function soundWindows(
  windows: readonly MeasuredMetric[],
  metric: MetricName,
  bound: number,
): GoodEvents[] {
  const isHigherBetter = METRICS[metric].better === "higher";
  return windows.flatMap(({ time, value: { value } }) => {
    if (value === null) return [];
    return [{ time, good: (isHigherBetter ? value >= bound : value <= bound) ? 1 : 0, valid: 1 }];
  });
}

/** A stretch of time before the end of the period, and how fast the budget burnt in it. */
export interface BurnRate {
  readonly minutes: number;
  /** Share of bad events / share that may be bad; null without events, or with nothing that may be bad. */
  readonly burn_rate: number | null;
}

export interface ServiceLevel {
  readonly target: number;
  readonly good: number;
  readonly valid: number;
  /** good / valid; null without valid events. */
  readonly compliance: number | null;
  readonly is_met: boolean | null;
  /** Bad events that the target allows among the valid ones. */
  readonly error_budget: number;
  /** Share of the budget that is left: 1 untouched, 0 used up, below 0 overdrawn; null where there is no budget. */
  readonly error_budget_left: number | null;
  /** Over the whole period. */
  readonly burn_rate: number | null;
  readonly burn_rates: readonly BurnRate[];
}

/** 5 m and 1 h, 30 m and 6 h, 3 d: what the workbook's alerts on burn rates look back over. */
const LOOKBACKS_MINUTES = [5, 30, 60, 360, 4320] as const;
const MINUTE_MS = 60_000;

/**
 * @param events of the period, in any order.
 * @param target share of valid events that must be good, from 0 to 1.
 * @param end of the period, ms since 1970; burn rates look back from here.
 */
export function serviceLevel(events: readonly GoodEvents[], target: number, end: number): ServiceLevel {
  const { good, valid } = sumOf(events);
  // 1 - 0.999 is not 0.001 in binary; ten digits are what anybody writes
  const allowed = Number((1 - target).toFixed(10));
  const budget = allowed * valid;
  const bad = valid - good;
  return {
    target,
    good,
    valid,
    compliance: valid === 0 ? null : good / valid,
    is_met: valid === 0 ? null : good / valid >= target,
    error_budget: budget,
    error_budget_left: budget === 0 ? null : 1 - bad / budget,
    burn_rate: burnRate(good, valid, allowed),
    burn_rates: LOOKBACKS_MINUTES.map((minutes) => {
      const recent = sumOf(events.filter(({ time }) => time >= end - minutes * MINUTE_MS && time < end));
      return { minutes, burn_rate: burnRate(recent.good, recent.valid, allowed) };
    }),
  };
}

function sumOf(events: readonly GoodEvents[]): { good: number; valid: number } {
  const sum = { good: 0, valid: 0 };
  for (const { good, valid } of events) {
    sum.good += good;
    sum.valid += valid;
  }
  return sum;
}

function burnRate(good: number, valid: number, allowed: number): number | null {
  return valid === 0 || allowed === 0 ? null : (valid - good) / valid / allowed;
}
