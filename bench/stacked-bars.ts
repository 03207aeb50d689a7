/** Bars of parts that follow each other, each bar over the whole width: shares can be read, and totals stand beside. Pure. */
import { box, colorOf, legend, numberText, svg, text, WIDTH } from "./svg.ts";

export interface StackedChart {
  readonly kind: "stacked";
  readonly title: string;
  readonly unit: string;
  /** Names of the parts, in their order. */
  readonly parts: readonly string[];
  readonly bars: readonly { readonly name: string; readonly values: readonly number[] }[];
}

const LINE = 20;
const BAR_HEIGHT = 34;
const GAP = 14;

export function stackedChart({ title, unit, parts, bars }: StackedChart): string {
  const names = legend(
    parts.map((name, index) => [name, colorOf(index)] as const),
    4,
  );
  const drawn = bars.map(({ name, values }, index) => {
    const top = names.height + 10 + index * (LINE + BAR_HEIGHT + GAP);
    const total = values.reduce((sum, value) => sum + value, 0);
    let x = 0;
    const boxes = values.map((value, part) => {
      const width = (value / Math.max(total, Number.MIN_VALUE)) * WIDTH;
      const label = numberText(value);
      const tip = `${parts[part]}: ${label} ${unit}, ${Math.round((100 * value) / total)} %`;
      const one = box(x, top + LINE - 6, width, BAR_HEIGHT, colorOf(part), label, tip);
      x += width;
      return one;
    });
    return `${text(0, top + 8, `${name}: ${numberText(total)} ${unit}`, "start")}${boxes.join("")}`;
  });
  return svg(names.height + 10 + bars.length * (LINE + BAR_HEIGHT + GAP), title, [...names.parts, ...drawn]);
}
