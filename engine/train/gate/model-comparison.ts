/**
 * Two models side by side on the same out-of-time rows: every metric of both with the interval of the difference, and what they cost.
 * What `millrace models compare` shows and what a gate decides by; JSON as it goes on the wire.
 */
import { EngineError } from "../../core/errors.ts";
import { compareMetric } from "../../monitor/performance/metric-comparison.ts";
import { METRICS, type MetricName, metricsOf } from "../../monitor/performance/metric-table.ts";
import type { Interval, MetricValue } from "../../monitor/performance/metric-value.ts";
import { measurePerformance } from "../../monitor/performance/realised-performance.ts";
import { type Candidate, isTime, labelledBy, type OutOfTimeRows, problemWith } from "./out-of-time-rows.ts";
import type { BootstrapSettings } from "./paired-bootstrap.ts";
import { type Measured, pairedTests, type TestName } from "./paired-tests.ts";

export interface PairedMetric {
  readonly metric: MetricName;
  readonly better: "higher" | "lower";
  readonly challenger: MetricValue;
  /** Null when there is no champion. */
  readonly champion: MetricValue | null;
  /** Of the challenger over the champion, in the metric's unit: positive is better, also where lower values are. */
  readonly gain: number | null;
  /** Of the gain. */
  readonly interval: Interval | null;
  /** Two-sided, of no difference. */
  readonly p_value: number | null;
  readonly test: TestName | null;
  /** `better` or `worse`: the whole interval of the gain is above or below 0. */
  readonly verdict: "better" | "worse" | "no_difference" | null;
  /** Why there is no gain or no verdict; only then, and only with a champion. */
  readonly reason?: string;
}

export interface ComparedModel {
  readonly name: string;
  readonly bytes: number;
  readonly latency_us: number;
}

export interface ModelComparison {
  readonly rows: number;
  /** Of the first and the last row; null where their times are not known. */
  readonly from: string | null;
  readonly to: string | null;
  readonly confidence: number;
  readonly challenger: ComparedModel;
  readonly champion: ComparedModel | null;
  readonly metrics: readonly PairedMetric[];
}

export const COMPARISON_DEFAULTS: BootstrapSettings = { confidence: 0.95, resamples: 2_000, seed: 0 };

/**
 * @param champion undefined when there is none: the challenger's metrics alone.
 * @throws EngineError INVALID_REQUEST for rows or predictions that nothing can be measured on, such as NaN.
 */
export function compareModels(
  rows: OutOfTimeRows,
  challenger: Candidate,
  champion: Candidate | undefined,
  settings: BootstrapSettings = COMPARISON_DEFAULTS,
): ModelComparison {
  const problem = problemWith(rows, champion === undefined ? [challenger] : [challenger, champion]);
  if (problem !== undefined) throw new EngineError("INVALID_REQUEST", problem);
  const own = measured(rows, challenger, settings);
  const other = champion && measured(rows, champion, settings);
  return {
    ...headOf(rows, challenger, champion, settings.confidence),
    metrics: pairMetrics(own, other, metricsOf(rows.task.kind), settings),
  };
}

/** A comparison of rows that nothing can be measured on. */
export function headOf(
  { targets, times }: OutOfTimeRows,
  challenger: Candidate,
  champion: Candidate | undefined,
  confidence: number,
): ModelComparison {
  const [from, to] = rangeOf(times);
  return {
    rows: targets.length,
    from,
    to,
    confidence,
    challenger: costOf(challenger),
    champion: champion === undefined ? null : costOf(champion),
    metrics: [],
  };
}

/** Each of `metrics` that the rows are measured by. */
export function pairMetrics(
  challenger: Measured,
  champion: Measured | undefined,
  metrics: readonly MetricName[],
  settings: BootstrapSettings,
): PairedMetric[] {
  const tests = champion && pairedTests(challenger, champion, metrics, settings);
  return metrics.flatMap((metric): PairedMetric[] => {
    const own = challenger.metrics[metric];
    if (own === undefined) return [];
    const { better } = METRICS[metric];
    const other = champion?.metrics[metric];
    const test = tests?.get(metric);
    if (other === undefined) return [{ ...WITHOUT_CHAMPION, metric, better, challenger: own }];
    const found = compareMetric(metric, own, other, 0, test?.interval);
    const hasTest = test !== undefined && found.gain !== null;
    return [
      {
        metric,
        better,
        challenger: own,
        champion: other,
        gain: found.gain,
        interval: hasTest ? (found.interval ?? null) : null,
        p_value: hasTest ? test.p : null,
        test: hasTest ? test.test : null,
        verdict: hasTest ? found.verdict : null,
        ...(hasTest ? {} : { reason: found.reason ?? "too few rows for an interval" }),
      },
    ];
  });
}

const WITHOUT_CHAMPION = {
  champion: null,
  gain: null,
  interval: null,
  p_value: null,
  test: null,
  verdict: null,
} as const;

function measured(rows: OutOfTimeRows, candidate: Candidate, { confidence }: BootstrapSettings): Measured {
  const labelled = labelledBy(rows, candidate);
  return { rows: labelled, metrics: measurePerformance(labelled, confidence).metrics };
}

function costOf({ name, bytes, latencyUs }: Candidate): ComparedModel {
  return { name, bytes, latency_us: latencyUs };
}

function rangeOf(times: Float64Array | undefined): [string, string] | [null, null] {
  if (times === undefined || times.length === 0 || !times.every(isTime)) return [null, null];
  let [first, last] = [times[0] as number, times[0] as number];
  for (const time of times) {
    if (time < first) first = time;
    if (time > last) last = time;
  }
  return [new Date(first).toISOString(), new Date(last).toISOString()];
}
