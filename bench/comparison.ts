/**
 * Figures of two runs. A figure says which way is better by its goal (`goal ≥ 0.7`, `goal ≤ 5`, `goal p99 < 10`, `goal 0`) or in words (`higher is
 * better`); one that does not is shown and not judged. Pure.
 */

import { betterOf } from "./goal.ts";

export interface ComparedFigure {
  readonly benchmark: string;
  readonly figure: string;
  readonly old: number | undefined;
  readonly new: number;
  readonly verdict: "same" | "better" | "worse" | "new" | "";
}

/** @param tolerance share of the old figure by which the new one may be worse. */
export function compareRatios(
  benchmark: string,
  older: Readonly<Record<string, number>>,
  newer: Readonly<Record<string, number>>,
  tolerance: number,
): ComparedFigure[] {
  return Object.entries(newer).map(([figure, value]) => {
    const old = older[figure];
    return { benchmark, figure, old, new: value, verdict: verdictOf(figure, old, value, tolerance) };
  });
}

function verdictOf(
  figure: string,
  old: number | undefined,
  value: number,
  tolerance: number,
): ComparedFigure["verdict"] {
  if (old === undefined) return "new";
  const better = betterOf(figure);
  if (better === undefined) return "";
  const gain = better === "higher" ? value - old : old - value;
  const allowed = Math.abs(old) * tolerance;
  if (Number.isNaN(gain) || gain < -allowed) return "worse";
  return gain > allowed ? "better" : "same";
}
