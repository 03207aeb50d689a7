/** What all plots are drawn with. Pure. */
import { htmlText } from "../engine/core/html-text.ts";

export const WIDTH = 760;
/** Told apart beside each other and by white text on them. */
export const COLORS = [
  "#2563eb",
  "#dc2626",
  "#059669",
  "#d97706",
  "#7c3aed",
  "#0891b2",
  "#be185d",
  "#4d7c0f",
  "#475569",
  "#92400e",
  "#1e3a8a",
  "#db2777",
  "#78716c",
  "#0f766e",
] as const;
/** Of a character of the pages' font, on average and a little more. */
export const CHARACTER_WIDTH = 6.2;

const LEGEND_LINE = 18;

export function colorOf(index: number): string {
  return COLORS[index % COLORS.length] as string;
}

export function numberText(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(0);
  return value >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}

export function svg(height: number, title: string, parts: readonly string[]): string {
  return `<figure><figcaption>${htmlText(title)}</figcaption><svg viewBox="0 0 ${WIDTH} ${height}" role="img">${parts.join("")}</svg></figure>`;
}

export function text(x: number, y: number, content: string, anchor: string, color = "#444"): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${color}">${htmlText(content)}</text>`;
}

/** A box that tells `tip` under the pointer, with as much of `label` as fits. */
export function box(
  x: number,
  y: number,
  width: number,
  height: number,
  color: string,
  label: string,
  tip: string,
): string {
  const fits = Math.floor((width - 6) / CHARACTER_WIDTH);
  const shown = label.length <= fits ? label : fits > 3 ? `${label.slice(0, fits - 1)}…` : "";
  const inside = shown === "" ? "" : text(x + 3, y + height / 2 + 4, shown, "start", "#fff");
  return `<g><title>${htmlText(tip)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${height}" fill="${color}" stroke="#fff" stroke-width=".5"/>${inside}</g>`;
}

/** Names with their colours, in as many lines as they need, and the height of these. */
export function legend(
  names: readonly (readonly [name: string, color: string])[],
  top: number,
): { parts: string[]; height: number } {
  let x = 0;
  let y = top + 12;
  const parts = names.map(([name, color]) => {
    const width = 26 + name.length * CHARACTER_WIDTH;
    if (x + width > WIDTH) {
      x = 0;
      y += LEGEND_LINE;
    }
    const drawn = `<rect x="${x.toFixed(1)}" y="${y - 9}" width="11" height="11" fill="${color}"/>${text(x + 15, y, name, "start")}`;
    x += width;
    return drawn;
  });
  return { parts, height: y + 8 - top };
}
