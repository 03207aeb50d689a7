/**
 * Two models side by side, and a gate's verdict, on the terminal: a line per metric, what they cost, and a sentence per check. Pure: the
 * same comparison gives the same lines.
 */
import { tableLines, toCell } from "./cli-table.ts";
import { countText, momentText, visibleText } from "./report/report-text.ts";
import type { GateCheck } from "./train/gate/gate-check.ts";
import type { GateVerdict } from "./train/gate/gate-verdict.ts";
import type { ModelComparison, PairedMetric } from "./train/gate/model-comparison.ts";

/** Slices that passed are counted above this many. */
const SLICES_SHOWN = 5;

const TESTS: Readonly<Record<NonNullable<PairedMetric["test"]>, string>> = {
  delong: "DeLong",
  mcnemar_exact: "McNemar, exact",
  mcnemar_chi_square: "McNemar, chi-square",
  bootstrap_percentile: "bootstrap, percentile",
  bootstrap_normal: "bootstrap, normal",
};

export function comparisonLines(comparison: ModelComparison): string[] {
  const { rows, from, to, challenger, champion, metrics } = comparison;
  const against = champion === null ? "without a champion" : `against ${visibleText(champion.name)}`;
  const period = from === null || to === null ? "" : `, ${momentText(from)} to ${momentText(to)} UTC`;
  return [
    `${visibleText(challenger.name)} ${against}: ${countText(rows)} out-of-time rows${period}`,
    "",
    ...tableLines([
      headOf(comparison),
      ...metrics.map((one) => cellsOf(one, champion !== null)),
      ...costCells(comparison),
    ]),
    ...metrics.flatMap(({ metric, reason }) => (reason === undefined ? [] : [`${metric}: ${reason}`])),
  ];
}

export function verdictLines(verdict: GateVerdict): string[] {
  const { checks, slices_passed_over: passedOver } = verdict;
  const passedSlices = checks.filter(({ kind, passed }) => kind === "slices" && passed);
  const hidden = new Set(passedSlices.slice(SLICES_SHOWN));
  const notes = [
    ...(hidden.size === 0 ? [] : [`${hidden.size} more slices passed`]),
    ...(passedOver === 0
      ? []
      : [`${countText(passedOver)} slices were passed over: too few rows, or beyond the largest`]),
  ];
  return [
    ...comparisonLines(verdict.comparison),
    "",
    `${verdict.verdict} on ${verdict.metric}`,
    ...tableLines(
      checks
        .filter((check) => !hidden.has(check))
        .map((check) => [markOf(check), visibleText(check.explanation)]),
    ),
    ...notes,
  ];
}

function headOf({ champion, confidence }: ModelComparison): string[] {
  if (champion === null) return ["metric", "challenger", `${toCell(confidence * 100)} % interval`];
  return [
    "metric",
    "challenger",
    "champion",
    "gain",
    `${toCell(confidence * 100)} % interval`,
    "p",
    "verdict",
    "test",
  ];
}

function cellsOf(paired: PairedMetric, hasChampion: boolean): string[] {
  const { metric, challenger, champion, gain, interval, p_value, verdict, test } = paired;
  const own = [metric, shortCell(challenger.value)];
  if (!hasChampion) return [...own, rangeCell(challenger.interval)];
  return [
    ...own,
    shortCell(champion?.value),
    shortCell(gain),
    rangeCell(interval),
    p_value === null ? "" : p_value < 0.0001 ? "<0.0001" : p_value.toFixed(4),
    verdict === null ? "" : verdict.replace("_", " "),
    test === null ? "" : TESTS[test],
  ];
}

function costCells({ challenger, champion }: ModelComparison): string[][] {
  return [
    ["µs a row (median)", shortCell(challenger.latency_us), shortCell(champion?.latency_us)],
    ["bytes", countText(challenger.bytes), champion === null ? "" : countText(champion.bytes)],
  ];
}

function rangeCell(interval: { readonly low: number; readonly high: number } | null | undefined): string {
  return interval ? `${shortCell(interval.low)} to ${shortCell(interval.high)}` : "";
}

/** Four digits. */
function shortCell(value: number | null | undefined): string {
  return value === undefined || value === null ? "" : toCell(Number(value.toPrecision(4)));
}

function markOf({ passed, required }: GateCheck): string {
  if (passed) return "passed";
  return required ? "FAILED" : "failed (not required)";
}
