/**
 * A drift report on the terminal: what was compared, a line per column with small histograms, and what to do.
 */
import { styleText } from "node:util";
import { tableLines, widthOf } from "./cli-table.ts";
import type { DriftColumn, IncidentJson } from "./monitor/drift/drift-answer.ts";
import { bySeverity, countsOf, type DriftView, hintsOf, isCriticalWindow } from "./report/drift-view.ts";
import { type Bar, toBars } from "./report/histogram.ts";
import {
  columnTitle,
  comparedText,
  countText,
  exactText,
  ksText,
  momentText,
  problemsText,
  rateText,
  scoreText,
  shortText,
  verdictText,
  visibleText,
  windowText,
} from "./report/report-text.ts";

export interface TerminalForm {
  readonly hasColor: boolean;
  /** Of the terminal; undefined when the output goes elsewhere. */
  readonly columns: number | undefined;
}

const NAME_LENGTH_MAX = 28;
const CELLS_MIN = 8;
/** The usual 20 bins, with what is below, above and null, and one to spare for a heavy value. */
const CELLS_MAX = 24;
/** Whether to colour is decided by who knows where the text goes. */
const WRITTEN = { validateStream: false } as const;
const LEVELS = "▁▂▃▄▅▆▇█";
const HEAD = ["feature", "verdict", "rows", "PSI", "KS", "null", "problems"];

export function driftLines(view: DriftView, form: TerminalForm): string[] {
  const { answer, incidents } = view;
  const { model_name, model_version, variant, verdict } = answer;
  const overall = colored({ verdict, is_critical: isCriticalWindow(answer) }, form);
  const whose = variant === undefined ? "" : ` ${visibleText(variant)}`;
  const exact = exactText(answer);
  const hints = hintsOf(view);
  return [
    `${model_name} ${model_version}${whose}: ${overall}; ${countsOf(answer)}`,
    `${windowText(answer)}, ${comparedText(answer)}`,
    ...(exact === undefined ? [] : [exact]),
    ...(incidents.length === 0 ? ["no open incident"] : incidents.map(incidentLine)),
    "",
    ...columnLines(bySeverity(answer.columns), form),
    "",
    "bars: share of rows per bin, lowest or most frequent values first; behind | those without a value",
    ...hints.map((hint) => `hint: ${hint}`),
  ];
}

export function incidentLine({
  incident_id,
  cause,
  severity,
  opened_at,
  columns,
}: Pick<IncidentJson, "incident_id" | "cause" | "severity" | "opened_at" | "columns">): string {
  const names = columns.map(({ column }) => visibleText(column)).join(", ");
  return `open incident ${incident_id}: ${cause}, ${severity}, since ${momentText(opened_at)} UTC: ${names}`;
}

function columnLines(columns: readonly DriftColumn[], form: TerminalForm): string[] {
  const texts = columns.map((column) => [
    shortText(columnTitle(column), NAME_LENGTH_MAX),
    colored(column, form),
    countText(column.rows),
    scoreText(column.psi_corrected),
    ksText(column),
    rateText(column.null_rate),
    problemsText(column),
  ]);
  const width = HEAD.map(
    (_, at) => Math.max(...[HEAD, ...texts].map((row) => widthOf(row[at] ?? ""))) + 2,
  ).reduce((a, b) => a + b, 0);
  const cells = cellsFor(width, form.columns);
  const rows = columns.map((column, at) => {
    const bars = toBars(column.bins, cells);
    const top = Math.max(...bars.flatMap(({ reference, current }) => [reference, current]));
    return [
      ...(texts[at] ?? []),
      blocks(bars, ({ reference }) => reference, top),
      blocks(bars, ({ current }) => current, top),
    ];
  });
  return tableLines([[...HEAD, "reference", "current"], ...rows]);
}

/** What two histograms may take of the width that is left. */
function cellsFor(width: number, columns: number | undefined): number {
  if (columns === undefined) return CELLS_MAX;
  return Math.min(CELLS_MAX, Math.max(CELLS_MIN, Math.floor((columns - width - 4) / 2)));
}

/** A block per bar, an empty one a dot; both histograms of a column have one scale. */
function blocks(bars: readonly Bar[], shareOf: (bar: Bar) => number, top: number): string {
  return bars
    .map((bar) => {
      const share = shareOf(bar);
      const level = Math.ceil((share / top) * LEVELS.length) - 1;
      const block = share === 0 ? "·" : (LEVELS[level] ?? "█");
      return bar.kind === "null" ? `|${block}` : block;
    })
    .join("");
}

function colored(judged: Pick<DriftColumn, "verdict" | "is_critical">, { hasColor }: TerminalForm): string {
  const words = verdictText(judged);
  if (!hasColor) return words;
  switch (judged.verdict) {
    case "data_quality":
      return styleText("red", words, WRITTEN);
    case "drift":
      return styleText(judged.is_critical ? "red" : "yellow", words, WRITTEN);
    case "none":
      return styleText("green", words, WRITTEN);
    case "insufficient":
      return styleText("dim", words, WRITTEN);
  }
}
