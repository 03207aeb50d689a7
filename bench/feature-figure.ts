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
  /** Which way a ratio without a goal should go. */
  readonly better?: "higher" | "lower";
}

export function toReport(title: string, figures: readonly Figure[]): Report {
  const rows = figures.map(({ what, measured, ceiling = "", ratio = "", goal = "" }) => ({
    what,
    measured,
    ceiling,
    ratio,
    goal,
  }));
  const ratios = figures.flatMap(({ what, measured, ratio, goal, better }) => {
    const said = goal === undefined ? better && `${better} is better` : `goal ${goal}`;
    return said === undefined ? [] : [[`${what} (${said})`, ratio ?? Number(measured)] as const];
  });
  return { title, rows, ratios: Object.fromEntries(ratios) };
}

export function msText({ p50, p99 }: Percentiles): string {
  return `p50 ${round(p50, 3)}, p99 ${round(p99, 3)} ms`;
}
