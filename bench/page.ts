/** A report as one HTML page that needs nothing else: figures, plots, the machine, and the raw numbers. Pure. */
import { htmlText } from "../engine/core/html-text.ts";
import { toSvg } from "./chart.ts";
import { goalOf } from "./goal.ts";
import type { KeptReport, Row, Table } from "./report.ts";

const STYLE = `body{font:14px/1.5 system-ui,sans-serif;color:#222;max-width:960px;margin:2em auto;padding:0 1em}
table{border-collapse:collapse;margin:1em 0}th,td{border-bottom:1px solid #e5e7eb;padding:.3em .8em .3em 0;text-align:left;vertical-align:top}th{vertical-align:bottom}
.met{color:#047857}.missed{color:#b91c1c;font-weight:600}h2{font-size:1em}.number{text-align:right;font-variant-numeric:tabular-nums}figure{margin:1.5em 0}figcaption{font-weight:600}
svg{font:11px system-ui,sans-serif;max-width:100%}.machine{color:#666}pre{overflow:auto;background:#f9fafb;padding:1em;font-size:11px}`;

export const MET = "met";
export const MISSED = "missed";
const NUMBER = ' class="number"';

export function toPage(report: KeptReport): string {
  const { title, machine, rows, ratios, charts = [], tables = [] } = report;
  const figures = Object.entries(ratios).map(([what, value]) => figureRow(what, value));
  return inDocument(
    title,
    `<p class="machine">${htmlText(machine)}</p>
${table(figures)}
${table(rows)}
${charts.map(toSvg).join("\n")}
${tables.map(titled).join("\n")}
<details><summary>All numbers</summary><pre>${htmlText(JSON.stringify(report, null, 1))}</pre></details>`,
  );
}

export function inDocument(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${htmlText(title)}</title><style>${STYLE}</style></head>
<body><h1>${htmlText(title)}</h1>
${body}
</body></html>
`;
}

function titled({ title, rows }: Table): string {
  return `<h2>${htmlText(title)}</h2>${table(rows)}`;
}

/** A figure, its goal, and whether that is met. */
export function figureRow(figure: string, value: number | null): Row {
  const goal = goalOf(figure);
  const shown = value ?? "none"; // JSON has no NaN
  if (goal === undefined) return { figure, value: shown };
  const isMet = goal.isMet(value ?? Number.NaN);
  return {
    figure: figure.slice(0, figure.lastIndexOf(" (goal")),
    value: shown,
    goal: goal.text,
    "": isMet === undefined ? "" : isMet ? MET : MISSED,
  };
}

export function table(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  if (columns.length === 0) return "";
  const isNumber = (name: string): boolean => rows.some((row) => typeof row[name] === "number");
  const head = columns.map((name) => `<th${isNumber(name) ? NUMBER : ""}>${htmlText(name)}</th>`).join("");
  const body = rows.map((row) => `<tr>${columns.map((name) => cell(row[name])).join("")}</tr>`);
  return `<table><thead><tr>${head}</tr></thead><tbody>${body.join("")}</tbody></table>`;
}

function cell(value: string | number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "<td></td>";
  if (value === MET || value === MISSED) return `<td class="${value}">${value}</td>`;
  const isNumber = typeof value === "number";
  return `<td${isNumber ? NUMBER : ""}>${htmlText(isNumber ? value.toLocaleString("en", { maximumSignificantDigits: 6 }) : value)}</td>`;
}
