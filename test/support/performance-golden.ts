/** The goldens of test/fixtures/performance, made by make-performance.py. */
import { readFileSync } from "node:fs";
import type { MetricSet } from "../../engine/monitor/performance/metric-value.ts";
import { fixture } from "./model.ts";

interface Case {
  readonly name: string;
}

interface BinaryCase extends Case {
  readonly scores: readonly number[];
  readonly labels: readonly number[];
  readonly threshold: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly confusion_matrix: readonly (readonly number[])[];
  readonly auc_variance: number;
}

interface ComparisonCase extends Case {
  readonly scores: readonly number[];
  readonly other_scores: readonly number[];
  readonly labels: readonly number[];
  readonly difference: number;
  readonly variance: number;
  readonly p: number;
  readonly losses: PairedLosses;
}

/** Mean loss of one and of the other, and the interval of their difference, by metric. */
export type PairedLosses = Readonly<
  Record<string, Readonly<Record<"value" | "other" | "low" | "high", number>>>
>;

interface RegressionComparisonCase extends Case {
  readonly predicted: readonly number[];
  readonly other_predicted: readonly number[];
  readonly labels: readonly number[];
  readonly losses: PairedLosses;
}

interface MulticlassCase extends Case {
  readonly classes: number;
  readonly probabilities: readonly number[];
  readonly predicted: readonly number[];
  readonly labels: readonly number[];
  readonly metrics: Readonly<Record<string, number>>;
  readonly standard_errors: Readonly<Record<string, number>>;
  readonly confusion_matrix: readonly (readonly number[])[];
}

interface RegressionCase extends Case {
  readonly predicted: readonly number[];
  readonly labels: readonly number[];
  readonly metrics: Readonly<Record<string, number>>;
}

interface IsotonicCase extends Case {
  readonly scores: readonly number[];
  readonly labels: readonly number[];
  readonly places: readonly number[];
  readonly expected: readonly number[];
}

type Estimated = Readonly<Record<"roc_auc" | "accuracy" | "precision" | "recall" | "f1", number>>;

interface EstimatedCase extends Case {
  readonly needs_calibration: boolean;
  readonly threshold: number;
  readonly reference_scores: readonly number[];
  readonly reference_labels: readonly number[];
  readonly scores: readonly number[];
  readonly metrics: Estimated;
  readonly sampling_errors: Estimated;
  readonly low: Estimated;
  readonly high: Estimated;
  readonly confusion_matrix: readonly (readonly number[])[];
  readonly exact_roc_auc: number;
}

export function goldenCases<Name extends keyof Cases>(name: Name): readonly Cases[Name][] {
  return JSON.parse(readFileSync(fixture(`performance/${name}.json`), "utf8")) as Cases[Name][];
}

interface LawCase extends Case {
  readonly at: number;
  readonly hits?: number;
  readonly trials?: number;
  readonly expected: number | readonly number[];
}

interface Cases {
  readonly laws: LawCase;
  readonly binary: BinaryCase;
  readonly "auc-comparison": ComparisonCase;
  readonly "regression-comparison": RegressionComparisonCase;
  readonly multiclass: MulticlassCase;
  readonly regression: RegressionCase;
  readonly isotonic: IsotonicCase;
  readonly estimated: EstimatedCase;
}

/** Values by name, without intervals. */
export function valuesOf(metrics: MetricSet): Record<string, number | null> {
  return Object.fromEntries(Object.entries(metrics).map(([name, { value }]) => [name, value]));
}
