/**
 * What `GET /monitoring/{model}/latency` answers: volume, rates, errors and latencies by stage, per step and over the
 * whole range. Pure: from counts to figures.
 */
import type {
  ErrorStep,
  StageQuantiles,
  Step,
  Traffic,
  TrafficStep,
} from "../../../storage/traffic-report.ts";
import { ERRORS, type ErrorCode } from "../../core/errors.ts";
import { LATENCY_RELATIVE_ERROR } from "../../core/latency-buckets.ts";

export const STEP_MS: Readonly<Record<Step, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};

/** Codes that are the engine's fault, overload included; the others are the caller's. */
export const FAULT_CODES: readonly ErrorCode[] = (Object.keys(ERRORS) as ErrorCode[]).filter(
  (code) => ERRORS[code].status >= 500 || ERRORS[code].status === 429,
);

/** Quantiles in ms, each within the report's relative error; null without predictions. */
export interface Quantiles {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface TrafficFigures {
  readonly predictions: number;
  /** Predictions a second over the whole span, also where it reaches into the future. */
  readonly predictions_per_second: number;
  /** Rows that failed by the engine's fault; null where a variant is asked for, which failures have none of. */
  readonly errors: number | null;
  /** errors / (predictions + errors); null without either. */
  readonly error_rate: number | null;
  /** All rows that failed, the callers' faults too. */
  readonly failures_by_code: Readonly<Record<string, number>> | null;
  readonly latency_ms: Quantiles;
  readonly queue_ms: Quantiles;
  readonly inference_ms: Quantiles;
}

export interface LatencyReport {
  readonly from: string;
  readonly to: string;
  readonly step: Step;
  /** Bound of |quantile - that of the rows| / that of the rows. */
  readonly relative_error: number;
  readonly total: TrafficFigures;
  /** Those with predictions or errors. */
  readonly steps: readonly (TrafficFigures & { readonly time: string })[];
}

export interface LatencyCounts {
  readonly from: number;
  readonly to: number;
  readonly step: Step;
  readonly traffic: Traffic;
  /** Undefined where they are not known. */
  readonly errors: readonly ErrorStep[] | undefined;
}

export function latencyReport({ from, to, step, traffic, errors }: LatencyCounts): LatencyReport {
  const trafficAt = new Map(traffic.steps.map((one) => [one.time, one]));
  const errorsAt = errors === undefined ? undefined : byTime(errors);
  const times = [...new Set([...trafficAt.keys(), ...(errorsAt?.keys() ?? [])])].sort((a, b) => a - b);
  return {
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    step,
    relative_error: LATENCY_RELATIVE_ERROR,
    total: figuresOf(traffic.total, errors, to - from),
    steps: times.map((time) => ({
      time: new Date(time).toISOString(),
      ...figuresOf(trafficAt.get(time), errorsAt && (errorsAt.get(time) ?? []), STEP_MS[step]),
    })),
  };
}

function byTime(rows: readonly ErrorStep[]): Map<number, ErrorStep[]> {
  const groups = new Map<number, ErrorStep[]>();
  for (const row of rows) {
    const group = groups.get(row.time);
    if (group === undefined) groups.set(row.time, [row]);
    else group.push(row);
  }
  return groups;
}

function figuresOf(
  traffic: TrafficStep | undefined,
  errors: readonly ErrorStep[] | undefined,
  spanMs: number,
): TrafficFigures {
  const predictions = traffic?.rows ?? 0;
  return {
    predictions,
    predictions_per_second: predictions / (spanMs / 1000),
    ...failuresOf(predictions, errors),
    latency_ms: toQuantiles(traffic?.latency_ms),
    queue_ms: toQuantiles(traffic?.queue_ms),
    inference_ms: toQuantiles(traffic?.inference_ms),
  };
}

function toQuantiles(
  [p50, p95, p99]: StageQuantiles | readonly [null, null, null] = [null, null, null],
): Quantiles {
  return { p50, p95, p99 };
}

function failuresOf(
  predictions: number,
  failures: readonly ErrorStep[] | undefined,
): Pick<TrafficFigures, "errors" | "error_rate" | "failures_by_code"> {
  if (failures === undefined) return { errors: null, error_rate: null, failures_by_code: null };
  const byCode: Record<string, number> = {};
  for (const { code, count } of failures) byCode[code] = (byCode[code] ?? 0) + count;
  const errors = FAULT_CODES.reduce((sum, code) => sum + (byCode[code] ?? 0), 0);
  const all = predictions + errors;
  return { errors, error_rate: all === 0 ? null : errors / all, failures_by_code: byCode };
}
