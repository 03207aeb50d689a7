/** One line of the features report: what was measured, beside its ceiling and its goal. */
import type { Percentiles } from "./percentiles.ts";
import { type Report, round } from "./report.ts";

export interface Figure {
  readonly what: string;
  readonly measured: string | number;
  /** The most that could be had, in the same run. */
  readonly ceiling?: string | number;
  readonly ratio?: number;
  readonly goal?: string;
}

export function toReport(title: string, figures: readonly Figure[]): Report {
  const rows = figures.map(({ what, measured, ceiling = "", ratio = "", goal = "" }) => ({
    what,
    measured,
    ceiling,
    ratio,
    goal,
  }));
  const ratios = figures
    .filter(({ goal }) => goal !== undefined)
    .map(({ what, measured, ratio, goal }) => [`${what} (goal ${goal})`, ratio ?? Number(measured)]);
  return { title, rows, ratios: Object.fromEntries(ratios) as Record<string, number> };
}

export function msText({ p50, p99 }: Percentiles): string {
  return `p50 ${round(p50, 3)}, p99 ${round(p99, 3)} ms`;
}
