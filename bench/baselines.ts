/**
 * Stored ratios that catch a regression: each with the bound that it must keep, wide enough for a noisy machine. Only ratios of subjects of one
 * run are stored, since those alone hold on other machines. Pure.
 */
import { betterOf } from "./goal.ts";

/** How far a ratio may fall, or its inverse rise. */
const KEPT = 0.7;

export type Baseline =
  | { readonly value: number; readonly atLeast: number }
  | { readonly value: number; readonly atMost: number };

/** By ratio, without its goal, so that another goal is still the same ratio. */
export type BenchmarkBaselines = Readonly<Record<string, Baseline>>;
/** By benchmark. */
export type Baselines = Readonly<Record<string, BenchmarkBaselines>>;

export interface Checked {
  readonly ratio: string;
  readonly baseline: number;
  readonly bound: string;
  /** Undefined: not measured, as a peer that is left out. */
  readonly measured: number | undefined;
  readonly isKept: boolean;
}

export function checkRatios(
  baselines: BenchmarkBaselines,
  measured: Readonly<Record<string, number>>,
): Checked[] {
  const byName = new Map(Object.entries(measured).map(([figure, value]) => [nameOf(figure), value]));
  return Object.entries(baselines).map(([ratio, baseline]) => {
    const value = byName.get(ratio);
    const bound = "atLeast" in baseline ? `≥ ${baseline.atLeast}` : `≤ ${baseline.atMost}`;
    return {
      ratio,
      baseline: baseline.value,
      bound,
      measured: value,
      isKept: value === undefined || keeps(baseline, value),
    };
  });
}

/** The baselines with what was measured now; those of ratios that were not are kept. */
export function withMeasured(
  older: BenchmarkBaselines,
  measured: Readonly<Record<string, number>>,
): BenchmarkBaselines {
  const newer = Object.entries(measured).flatMap(([figure, value]) => {
    const baseline = isRatio(figure) ? baselineOf(figure, value) : undefined;
    return baseline === undefined ? [] : [[nameOf(figure), baseline] as const];
  });
  return { ...older, ...Object.fromEntries(newer) };
}

function keeps(baseline: Baseline, value: number): boolean {
  return "atLeast" in baseline ? value >= baseline.atLeast : value <= baseline.atMost;
}

/** Undefined where the figure does not say which way is better, or is none. */
function baselineOf(figure: string, value: number): Baseline | undefined {
  const better = betterOf(figure);
  if (better === undefined || !(value > 0)) return undefined;
  return better === "higher"
    ? { value, atLeast: twoDigits(value * KEPT) }
    : { value, atMost: twoDigits(value / KEPT) };
}

/** `this / that`, or a goal of so many times. */
function isRatio(figure: string): boolean {
  return figure.includes(" / ") || /\(goal[^)]*×\)/.test(figure);
}

function nameOf(figure: string): string {
  return figure.replace(/ *\((goal|higher|lower)[^)]*\)/, "");
}

function twoDigits(value: number): number {
  return Number(value.toPrecision(2));
}
