/**
 * How well an objective was kept over its period: reads what it is about and hands it to service-level's arithmetic.
 *
 * The period ends with the minute that is over, so the same moment gives the same figures.
 */
import type { MinuteColumns, MinutesQuestion } from "../../../storage/traffic-report.ts";
import { durationMs } from "../../core/duration.ts";
import { EngineError } from "../../core/errors.ts";
import { bucketEndMs, bucketOf } from "../../core/latency-buckets.ts";
import type { ServiceObjective } from "../../core/service-objective.ts";
import { METRICS, type MetricName } from "../performance/metric-table.ts";
import { FAULT_CODES } from "./latency-report.ts";
import {
  availableMinutes,
  type GoodEvents,
  type MeasuredMetric,
  type MinuteCounts,
  minutesInTime,
  rowsInTime,
  rowsWithoutError,
  type ServiceLevel,
  serviceLevel,
  soundWindows,
} from "./service-level.ts";

const MINUTE_MS = 60_000;

/** Windows of performance reports that a metric was measured over. */
export interface MetricQuestion {
  readonly model: string;
  readonly metric: MetricName;
  /** A duration, such as 1d. */
  readonly window: string;
  readonly from: number;
  readonly to: number;
}

/** Where the figures of objectives come from. */
export interface ObjectiveSources {
  readonly readMinutes: (question: MinutesQuestion) => Promise<MinuteColumns>;
  readonly readMetric: (question: MetricQuestion) => Promise<readonly MeasuredMetric[]>;
}

export interface ObjectiveLevel extends ServiceLevel {
  readonly name: string;
  readonly model: string;
  readonly indicator: ServiceObjective["indicator"];
  readonly period: string;
  readonly from: string;
  readonly to: string;
  /** Of a latency: rows are counted by bucket, and this is the end of the bound's, ms. */
  readonly effective_bound_ms?: number;
  /** Why there are no figures. */
  readonly problem?: string;
}

/** @throws EngineError SERVICE_UNAVAILABLE when a source cannot be read. */
export async function objectiveLevel(
  objective: ServiceObjective,
  sources: ObjectiveSources,
  nowMs: number,
): Promise<ObjectiveLevel> {
  const to = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const from = to - (durationMs(objective.period) as number);
  const { name, model, indicator, period, target } = objective;
  const { events, ...about } = await readEvents(objective, sources, from, to);
  return {
    name,
    model,
    indicator,
    period,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    ...about,
    ...serviceLevel(events, target, to),
  };
}

/** @throws EngineError INVALID_REQUEST when the metric of the objective is none. */
export function checkObjective({ indicator }: ServiceObjective): void {
  if (indicator.kind !== "min_metric" || Object.hasOwn(METRICS, indicator.metric)) return;
  const message = `must be one of ${Object.keys(METRICS).join(", ")}`;
  const details = [{ field: "indicator.metric", message }];
  throw new EngineError("INVALID_REQUEST", `indicator.metric ${message}`, { details });
}

type FoundEvents = { readonly events: readonly GoodEvents[] } & Pick<
  ObjectiveLevel,
  "effective_bound_ms" | "problem"
>;

async function readEvents(
  { model, indicator }: ServiceObjective,
  { readMinutes, readMetric }: ObjectiveSources,
  from: number,
  to: number,
): Promise<FoundEvents> {
  const question = { model, from, to, codes: FAULT_CODES };
  switch (indicator.kind) {
    case "latency_ms": {
      const { bound, quantile } = indicator;
      const minutes = toMinutes(await readMinutes({ ...question, boundMs: bound }));
      const events = quantile === undefined ? rowsInTime(minutes) : minutesInTime(minutes, quantile);
      return { events, effective_bound_ms: bucketEndMs(bucketOf(bound)) };
    }
    case "error_rate":
      return { events: rowsWithoutError(toMinutes(await readMinutes(question))) };
    case "availability":
      return {
        events: availableMinutes(toMinutes(await readMinutes(question)), indicator.error_rate_max),
      };
    case "min_metric": {
      const metric = indicator.metric as MetricName; // checkObjective has seen it
      const windows = await readMetric({ model, metric, window: indicator.window, from, to });
      return { events: soundWindows(windows, metric, indicator.bound) };
    }
  }
}

function toMinutes({ time, answered, errors, slow }: MinuteColumns): MinuteCounts[] {
  return time.map((at, index) => {
    const failed = errors[index] as number;
    return {
      time: at,
      rows: (answered[index] as number) + failed,
      errors: failed,
      slow: slow[index] as number,
    };
  });
}
