/** The goldens of test/fixtures/performance, made by make-performance.py. */
import { readFileSync } from "node:fs";
import type { MetricSet } from "../../engine/monitor/metric-value.ts";
import { fixture } from "./model.ts";

interface Case {
  readonly name: string;
}

export interface BinaryCase extends Case {
  readonly scores: readonly number[];
  readonly labels: readonly number[];
  readonly threshold: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly confusion_matrix: readonly (readonly number[])[];
  readonly auc_variance: number;
}

export interface ComparisonCase extends Case {
  readonly scores: readonly number[];
  readonly other_scores: readonly number[];
  readonly labels: readonly number[];
  readonly difference: number;
  readonly variance: number;
  readonly p: number;
}

export interface MulticlassCase extends Case {
  readonly classes: number;
  readonly probabilities: readonly number[];
  readonly predicted: readonly number[];
  readonly labels: readonly number[];
  readonly metrics: Readonly<Record<string, number>>;
  readonly standard_errors: Readonly<Record<string, number>>;
  readonly confusion_matrix: readonly (readonly number[])[];
}

export interface RegressionCase extends Case {
  readonly predicted: readonly number[];
  readonly labels: readonly number[];
  readonly metrics: Readonly<Record<string, number>>;
}

export interface IsotonicCase extends Case {
  readonly scores: readonly number[];
  readonly labels: readonly number[];
  readonly places: readonly number[];
  readonly expected: readonly number[];
}

type Estimated = Readonly<Record<"roc_auc" | "accuracy" | "precision" | "recall" | "f1", number>>;

export interface EstimatedCase extends Case {
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

export function goldenCases<One extends Case>(name: string): readonly One[] {
  return JSON.parse(readFileSync(fixture(`performance/${name}.json`), "utf8")) as One[];
}

/** Values by name, without intervals. */
export function valuesOf(metrics: MetricSet): Record<string, number | null> {
  return Object.fromEntries(Object.entries(metrics).map(([name, { value }]) => [name, value]));
}
