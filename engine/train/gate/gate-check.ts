/** One thing that a challenger had to show, with what was found: JSON as it goes on the wire. */
import type { GateCheckKind } from "../../core/training-gate.ts";
import type { Interval } from "../../monitor/performance/metric-value.ts";
import type { PairedMetric } from "./model-comparison.ts";
import type { TestName } from "./paired-tests.ts";

export interface GateCheck {
  readonly kind: "evidence" | GateCheckKind;
  /** Unique among the checks of a verdict: the kind, with a metric or slice where there are several. */
  readonly name: string;
  readonly passed: boolean;
  /** Whether failing it rejects the challenger. */
  readonly required: boolean;
  readonly observed: number | null;
  readonly limit: number | null;
  /** Of what was observed. */
  readonly interval: Interval | null;
  /** Two-sided, of no difference. */
  readonly p_value: number | null;
  readonly test: TestName | null;
  /** One sentence for people. */
  readonly explanation: string;
}

/** A check before it is known whether it is required. */
export type Finding = Omit<GateCheck, "required">;

/** A finding without any test of chance. */
export function plainFinding(
  found: Pick<Finding, "kind" | "passed" | "observed" | "limit" | "explanation"> & { readonly name?: string },
): Finding {
  return { name: found.kind, interval: null, p_value: null, test: null, ...found };
}

/** A finding about a gain, which is what was observed. */
export function gainFinding(
  { gain, interval, p_value, test }: PairedMetric,
  found: Pick<Finding, "kind" | "passed" | "limit" | "explanation"> & { readonly name?: string },
): Finding {
  return { name: found.kind, observed: gain, interval, p_value, test, ...found };
}

/** Four digits. */
export function digits(value: number): string {
  return String(Number(value.toPrecision(4)));
}

export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(6))} %`;
}

/** 0.9 (0.88 to 0.92) */
export function withInterval(value: number, interval: Interval | null | undefined): string {
  return interval ? `${digits(value)} (${digits(interval.low)} to ${digits(interval.high)})` : digits(value);
}
