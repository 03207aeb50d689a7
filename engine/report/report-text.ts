/**
 * Numbers, names and times of drift reports as people read them.
 */
import type { DriftAnswer, DriftColumn } from "../monitor/drift/drift-answer.ts";

const VARIANT_LENGTH_MAX = 28;
const HIDDEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/gu;

/** Text without what would steer a terminal, or turn the direction of a line: values and names come from anywhere. */
export function visibleText(text: string): string {
  return text.replaceAll(HIDDEN, "\ufffd");
}

/** At most `lengthMax` characters, the last of which says that there are more. */
export function shortText(text: string, lengthMax: number): string {
  const characters = Array.from(visibleText(text));
  return characters.length <= lengthMax
    ? characters.join("")
    : `${characters.slice(0, lengthMax - 1).join("")}…`;
}

/** Three digits. */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** A measure that is compared with levels such as 0.1: three decimals. */
export function scoreText(score: number | null): string {
  return score === null ? "" : score.toFixed(3);
}

export function percentText(share: number): string {
  const percent = share * 100;
  return `${percent > 0 && percent < 0.05 ? "<0.1" : percent.toFixed(1)} %`;
}

export function countText(count: number): string {
  return count.toLocaleString("en-US");
}

/** 2026-11-21 10:00 */
export function momentText(iso: string): string {
  return iso.slice(0, 16).replace("T", " ");
}

/** Names of outputs say that they are: they share one name space with the inputs. */
export function columnTitle({ feature, role }: Pick<DriftColumn, "feature" | "role">): string {
  return role === "input" ? feature : `${feature} (output)`;
}

export function verdictText({ verdict, is_critical }: Pick<DriftColumn, "verdict" | "is_critical">): string {
  const words = verdict === "data_quality" ? "data quality" : verdict;
  return is_critical ? `${words}, critical` : words;
}

export function windowText({ from, to }: Pick<DriftAnswer, "from" | "to">): string {
  return `${momentText(from)} to ${momentText(to)} UTC`;
}

export interface Series {
  readonly model_version: string;
  /** Of an experiment, or empty. */
  readonly variant: string;
}

export function seriesText({ model_version, variant }: Series): string {
  return variant === "" ? model_version : `${model_version} ${shortText(variant, VARIANT_LENGTH_MAX)}`;
}

/** Kinds of problems with the rates that make them. */
export function problemsText({ problems }: Pick<DriftColumn, "problems">): string {
  return problems.map(({ kind, rate }) => `${kind} ${percentText(rate)}`).join(", ");
}

/** How far D is known: from counts it is within two bounds. */
export function bracketText(ks: DriftColumn["ks"]): string {
  if (ks === null) return "";
  const [low, high] = [scoreText(ks.low), scoreText(ks.high)];
  return low === high ? low : `${low} to ${high}`;
}

/** Exact where it was measured from rows. */
export function ksText({ ks, exact }: Pick<DriftColumn, "ks" | "exact">): string {
  const measured = exact?.ks ?? undefined;
  return measured === undefined ? bracketText(ks) : scoreText(measured.statistic);
}

/** The window, and what it was compared with. */
export function comparedText(answer: DriftAnswer): string {
  const other =
    answer.compared_with === "season" ? "its season, the same hours of earlier weeks" : "the reference";
  return `${countText(answer.rows)} predictions against ${countText(answer.reference_rows)} rows of ${other}`;
}

/** What was compared row by row; undefined if nothing was. */
export function exactText({ exact }: DriftAnswer): string | undefined {
  if (exact === undefined) return undefined;
  const { rows, reference_rows, reference_from: from, reference_to: to } = exact;
  return `KS is exact: ${countText(rows)} predictions against ${countText(reference_rows)} rows of ${windowText({ from, to })}`;
}

/** The reference's rate and the window's. */
export function rateText(rate: DriftColumn["null_rate"]): string {
  if (rate === null) return "";
  const [before, now] = [percentText(rate.reference), percentText(rate.current)];
  return before === now ? now : `${before} -> ${now}`;
}
