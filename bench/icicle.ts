/** The calls of a profile from above: each box is a function, as wide as its time with all that it calls, which stand below it. Pure. */
import { box, colorOf, legend, numberText, svg, WIDTH } from "./svg.ts";

export interface IcicleFrame {
  readonly name: string;
  readonly value: number;
  /** Which of the chart's groups its colour is of. */
  readonly group: string;
  readonly children: readonly IcicleFrame[];
}

export interface IcicleChart {
  readonly kind: "icicle";
  readonly title: string;
  readonly unit: string;
  readonly groups: readonly string[];
  readonly root: IcicleFrame;
}

const ROW = 20;
const WIDTH_MIN = 1;

export function icicleChart({ title, unit, groups, root }: IcicleChart): string {
  const names = legend(
    groups.map((name, index) => [name, colorOf(index)] as const),
    4,
  );
  const parts: string[] = [...names.parts];
  let deepest = 0;
  const draw = (frame: IcicleFrame, x: number, depth: number): void => {
    const width = (frame.value / root.value) * WIDTH;
    if (width < WIDTH_MIN) return;
    deepest = Math.max(deepest, depth);
    const tip = `${frame.name}: ${numberText(frame.value)} ${unit} (${frame.group})`;
    const color = colorOf(Math.max(0, groups.indexOf(frame.group)));
    parts.push(box(x, names.height + 10 + depth * ROW, width, ROW, color, frame.name, tip));
    let left = x;
    for (const child of frame.children) {
      draw(child, left, depth + 1);
      left += (child.value / root.value) * WIDTH;
    }
  };
  draw(root, 0, 0);
  return svg(names.height + 14 + (deepest + 1) * ROW, title, parts);
}
