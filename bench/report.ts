/** What a benchmark gives back. */
import type { Chart } from "./chart.ts";

export type Row = Readonly<Record<string, string | number>>;

export interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
}

export interface Report {
  readonly title: string;
  readonly rows: readonly Row[];
  /** Figures that hold on other machines too, by what they say. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly charts?: readonly Chart[];
  /** Longer tables, below the charts. */
  readonly tables?: readonly Table[];
  /** Raw percentiles and parameters, by subject. */
  readonly raw?: Readonly<Record<string, unknown>>;
}

export interface KeptReport extends Report {
  readonly machine: string;
  readonly benchmark: string;
}

export function round(value: number, digits = 2): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
