/**
 * The picture of one column: a bar of the reference beside one of the window per bin, as inline SVG.
 *
 * Colours come from the page's style sheet, by class. Who cannot see it hears its title and what changed most; each pair of
 * bars has its numbers as a tooltip.
 */
import { htmlText } from "../core/html-text.ts";
import type { DriftColumn } from "../monitor/drift/drift-answer.ts";
import { type Bar, toBars } from "./histogram.ts";
import { columnTitle, percentText, shortText, visibleText } from "./report-text.ts";

export const BARS_MAX = 40;
const WIDTH = 720;
const PLOT = { left: 64, right: 712, top: 8, bottom: 208 } as const;
const LABEL_LENGTH_MAX = 22;
/** Of a label's character, and of a line, at its size in the style sheet. */
const CHARACTER = 5.6;
const LINE = 11;

/** `id` is unique in the page. */
export function driftPicture(column: DriftColumn, id: string): string {
  const bars = toBars(column.bins, BARS_MAX);
  const labels = bars.map(({ label }) => shortText(label, LABEL_LENGTH_MAX));
  const step = (PLOT.right - PLOT.left) / Math.max(1, bars.length);
  const longest = Math.max(0, ...labels.map((label) => label.length)) * CHARACTER;
  const isSlanted = longest > step - 4;
  const height = Math.ceil(PLOT.bottom + LINE + (isSlanted ? longest * Math.SQRT1_2 + 6 : 6));
  const top = topOf(Math.max(0, ...bars.flatMap(({ reference, current }) => [reference, current])));
  return [
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-title ${id}-about">`,
    `<title id="${id}-title">${htmlText(visibleText(columnTitle(column)))}: reference against current</title>`,
    `<desc id="${id}-about">${htmlText(mostChanged(bars))}</desc>`,
    ...gridLines(top),
    ...bars.map((bar, at) => pairOfBars(bar, PLOT.left + at * step, step, top)),
    `<line class="axis" x1="${PLOT.left}" x2="${PLOT.right}" y1="${PLOT.bottom}" y2="${PLOT.bottom}"/>`,
    ...labels.map((label, at) => labelAt(label, PLOT.left + (at + 0.5) * step, isSlanted)),
    "</svg>",
  ].join("\n");
}

/** What a reader of the picture sees first, in words. */
export function mostChanged(bars: readonly Bar[]): string {
  if (bars.every(({ current }) => current === 0)) return "The window has no predictions.";
  const change = ({ reference, current }: Bar): number => Math.abs(current - reference);
  const [most] = bars.toSorted((a, b) => change(b) - change(a));
  if (most === undefined || change(most) < 0.0005)
    return "Every bin has the same share of rows on both sides.";
  const { reference, current } = most;
  return `The greatest change is in ${nameOf(most)}: ${percentText(reference)} of the rows in the reference, ${percentText(current)} now.`;
}

function nameOf({ label, kind }: Bar): string {
  return kind === "null" ? "rows without a value" : `“${visibleText(label)}”`;
}

/** A round share, at least the greatest one. */
function topOf(greatest: number): number {
  const steps = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1];
  return steps.find((step) => step >= greatest - 1e-9) ?? 1;
}

function gridLines(top: number): string[] {
  return [0.5, 1].map((part) => {
    const y = rounded(PLOT.bottom - part * (PLOT.bottom - PLOT.top));
    const percent = Number((top * part * 100).toPrecision(3));
    return `<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y}" y2="${y}"/><text class="share" x="${PLOT.left - 6}" y="${y + 4}">${percent} %</text>`;
  });
}

function pairOfBars({ label, kind, reference, current }: Bar, x: number, step: number, top: number): string {
  const width = Math.min(26, step * 0.4);
  const middle = x + step / 2;
  const bar = (name: string, left: number, share: number): string => {
    const height = (share / top) * (PLOT.bottom - PLOT.top);
    return `<rect class="${name}" x="${rounded(left)}" y="${rounded(PLOT.bottom - height)}" width="${rounded(width)}" height="${rounded(height)}"/>`;
  };
  const about = `${visibleText(label)}: reference ${percentText(reference)}, current ${percentText(current)}`;
  return `<g class="${kind}"><title>${htmlText(about)}</title>${bar("reference", middle - width, reference)}${bar("current", middle, current)}</g>`;
}

function labelAt(label: string, x: number, isSlanted: boolean): string {
  const [at, y] = [rounded(x), PLOT.bottom + LINE + 2];
  const turn = isSlanted ? ` text-anchor="end" transform="rotate(-45 ${at} ${y})"` : ' text-anchor="middle"';
  return `<text class="label" x="${at}" y="${y}"${turn}>${htmlText(label)}</text>`;
}

function rounded(value: number): number {
  return Number(value.toFixed(2));
}
