/**
 * Is a model better, worse, or no different: metrics with their intervals against those of a reference or champion.
 *
 * A point difference says nothing about chance, so the interval of the difference decides. By default the two sides are
 * taken to be independent, which is right for two periods and cautious for two models on the same rows; of ROC AUC and of
 * mean losses on the same rows the paired intervals (delong, paired-losses) are sharper.
 */
import { differenceOf } from "./intervals.ts";
import { METRICS, type MetricName } from "./metric-table.ts";
import type { Interval, MetricSet, MetricValue } from "./metric-value.ts";

export interface MetricComparison {
  readonly metric: MetricName;
  readonly value: number | null;
  readonly reference: number | null;
  /** Gain over the reference in the metric's unit: positive is better, also where lower values are. */
  readonly gain: number | null;
  readonly interval?: Interval;
  /**
   * `better` or `worse`: the whole interval of the gain is beyond the margin. `no_difference`: it is not, for
   * lack of a difference or of rows. Null when a side has no value or no interval.
   */
  readonly verdict: "better" | "worse" | "no_difference" | null;
  /** Non-inferiority: the interval's low end is above -margin. Null with the verdict. */
  readonly is_non_inferior: boolean | null;
  /** Why there is no verdict; only then. */
  readonly reason?: string;
}

/** Differences that do not matter, per metric in its own unit; 0 where none is given. */
export type Margins = Readonly<Partial<Record<MetricName, number>>>;

/** All metrics that both sides have, in the order of the table. */
export function compareMetrics(
  current: MetricSet,
  reference: MetricSet,
  margins: Margins = {},
): readonly MetricComparison[] {
  return (Object.keys(METRICS) as MetricName[]).flatMap((metric) => {
    const [own, other] = [current[metric], reference[metric]];
    return own === undefined || other === undefined
      ? []
      : [compareMetric(metric, own, other, margins[metric] ?? 0)];
  });
}

/**
 * @param margin at least 0.
 * @param difference interval of current - reference where it is known better than from the two sides (paired rows).
 */
export function compareMetric(
  metric: MetricName,
  current: MetricValue,
  reference: MetricValue,
  margin: number,
  difference?: Interval,
): MetricComparison {
  const sides = { metric, value: current.value, reference: reference.value };
  const reason = problemWith("the current rows", current) ?? problemWith("the reference", reference);
  if (reason !== undefined || current.value === null || reference.value === null)
    return { ...sides, gain: null, verdict: null, is_non_inferior: null, reason: reason ?? "" };
  const sign = METRICS[metric].better === "higher" ? 1 : -1;
  const gain = sign * (current.value - reference.value);
  const found = difference ?? independent(current, reference);
  if (found === undefined) {
    const few = "too few rows for an interval";
    return { ...sides, gain, verdict: null, is_non_inferior: null, reason: few };
  }
  const interval = sign === 1 ? { low: found.low, high: found.high } : { low: -found.high, high: -found.low };
  const verdict = interval.low > margin ? "better" : interval.high < -margin ? "worse" : "no_difference";
  return { ...sides, gain, interval, verdict, is_non_inferior: interval.low > -margin };
}

function problemWith(side: string, { value, reason }: MetricValue): string | undefined {
  return value === null ? `${side}: ${reason ?? "no value"}` : undefined;
}

function independent(current: MetricValue, reference: MetricValue): Interval | undefined {
  if (current.value === null || reference.value === null) return undefined;
  if (current.interval === undefined || reference.interval === undefined) return undefined;
  return differenceOf(
    { value: current.value, interval: current.interval },
    { value: reference.value, interval: reference.interval },
  ).interval;
}
