/**
 * Whether a canary breaks a limit, from what it and the champion did in the same seconds. Pure.
 *
 * A limit is on a share of rows: failures beyond the champion's share; or, for a p99, rows slower than it, of which there are 1 % by
 * definition. Latency has a limit of its own; service time, which the two versions do not spoil for each other, is compared. A limit is
 * broken when more rows are on the wrong side than MARGIN standard errors of the binomial law above what is allowed, of as many rows as
 * there are, or of `rows_min` if there are fewer. So five failures of the first rows are enough where 1 % may fail and `rows_min` is 100.
 *
 * That law takes rows for independent. The rows that one stall of the machine made wait are not, so times are judged without the
 * STALLED_SLOTS half-seconds that had the most slow rows: a canary that is slow is so in the others too.
 */
import type { CanaryLimits } from "../core/deployment.ts";
import { p99Of, slowerThan, type Times, type WindowCounts } from "./serving-window.ts";

/** A canary is looked at thousands of times, so each look must be wrong rarely. */
const MARGIN = 4;
const P99_SHARE = 0.01;
const STALLED_SLOTS = 2;

/** What a canary was withdrawn for, with the numbers that the audit log keeps. */
export interface Breach {
  readonly reason: string;
  readonly details: Readonly<Record<string, number | string | null>>;
}

export interface CanaryEvidence {
  readonly canary: WindowCounts;
  readonly champion: WindowCounts;
  /** The champion's p99 of service time when it last had a sample, ms: at a share of 1 it has no rows to compare with. */
  readonly championP99Ms: number | undefined;
}

export function judgeCanary(
  { canary, champion, championP99Ms }: CanaryEvidence,
  limits: CanaryLimits,
): Breach | undefined {
  const { rows_min: rowsMin } = limits;
  const rows = Math.max(canary.rows, rowsMin);
  const championRate = champion.failures / Math.max(champion.rows, 1);
  const counts = { rows: canary.rows, champion_rows: champion.rows };
  if (isAbove(canary.failures, rows, championRate + limits.error_rate)) {
    const rate = canary.failures / canary.rows;
    return {
      reason: `error rate ${percent(rate)}, the champion's ${percent(championRate)}, ${percent(limits.error_rate)} more allowed`,
      details: { ...counts, limit: "error_rate", error_rate: rate, champion_error_rate: championRate },
    };
  }
  const slow = (kind: keyof Times, limitMs: number | undefined): boolean => {
    if (limitMs === undefined) return false;
    const counted = withoutStalls(canary, kind, limitMs);
    return isAbove(counted.slow, Math.max(counted.rows, rowsMin), P99_SHARE);
  };
  const { latency_p99_ms: limitMs, latency_p99_ratio: ratio } = limits;
  if (slow("latencies", limitMs)) {
    const p99 = p99Of(canary.latencies);
    return {
      reason: `p99 of latency ${inMs(p99)}, ${inMs(limitMs)} allowed`,
      details: { ...counts, limit: "latency_p99_ms", p99_ms: p99 ?? null },
    };
  }
  if (championP99Ms !== undefined && slow("serviceTimes", championP99Ms * ratio)) {
    const p99 = p99Of(canary.serviceTimes);
    return {
      reason: `p99 of service time ${inMs(p99)}, the champion's ${inMs(championP99Ms)}, ${ratio} times as much allowed`,
      details: { ...counts, limit: "latency_p99_ratio", p99_ms: p99 ?? null, champion_p99_ms: championP99Ms },
    };
  }
  return undefined;
}

/** The champion's p99 of service time in this window, ms, if it is a sample. */
export function sampledP99(champion: WindowCounts, rowsMin: number): number | undefined {
  return champion.rows - champion.failures >= rowsMin ? p99Of(champion.serviceTimes) : undefined;
}

/** Rows, and how many of them took longer, but for the half-seconds that had the most of these. */
function withoutStalls(
  { slots }: WindowCounts,
  kind: keyof Times,
  limitMs: number,
): { readonly rows: number; readonly slow: number } {
  const counted = slots
    .map(({ rows, [kind]: times }) => ({ rows, slow: slowerThan(times, limitMs) }))
    .sort((a, b) => b.slow - a.slow)
    .slice(STALLED_SLOTS);
  return {
    rows: counted.reduce((sum, { rows }) => sum + rows, 0),
    slow: counted.reduce((sum, { slow }) => sum + slow, 0),
  };
}

/** Whether `count` of `rows` is surely more than the share. */
function isAbove(count: number, rows: number, share: number): boolean {
  const allowed = Math.min(share, 1);
  return count > rows * allowed + MARGIN * Math.sqrt(rows * allowed * (1 - allowed));
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function inMs(value: number | undefined): string {
  return `${value?.toFixed(1) ?? "?"} ms`;
}
