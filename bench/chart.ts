/** A plot as SVG: lines over numbers, bars over names, whole or of parts, or the calls of a profile. Pure. */
import { type IcicleChart, icicleChart } from "./icicle.ts";
import { type StackedChart, stackedChart } from "./stacked-bars.ts";
import { CHARACTER_WIDTH, COLORS, numberText, svg, text, WIDTH } from "./svg.ts";

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export type Chart =
  | {
      readonly kind: "lines";
      readonly title: string;
      readonly x: string;
      readonly y: string;
      /** Logarithmic axes are for what spans magnitudes: values above 0. */
      readonly isLogX?: boolean;
      readonly isLogY?: boolean;
      readonly lines: readonly Line[];
    }
  | {
      readonly kind: "bars";
      readonly title: string;
      readonly y: string;
      readonly bars: readonly (readonly [name: string, value: number])[];
    }
  | StackedChart
  | IcicleChart;

const HEIGHT = 320;
const LEFT = 70;
const RIGHT = 20;
const TOP = 30;
const BOTTOM = 46;
const BAR_HEIGHT = 26;
const BAR_LEFT_MAX = 300;
const TICKS = 5;

export function toSvg(chart: Chart): string {
  switch (chart.kind) {
    case "lines":
      return lineChart(chart);
    case "bars":
      return barChart(chart);
    case "stacked":
      return stackedChart(chart);
    case "icicle":
      return icicleChart(chart);
  }
}

function lineChart(chart: Extract<Chart, { kind: "lines" }>): string {
  const points = chart.lines.flatMap((line) => line.points);
  const x = scaleOf(
    points.map(([value]) => value),
    chart.isLogX === true,
    LEFT,
    WIDTH - RIGHT,
  );
  const y = scaleOf(
    points.map(([, value]) => value),
    chart.isLogY === true,
    HEIGHT - BOTTOM,
    TOP,
  );
  const grid = [
    ...y.ticks.map((tick) => {
      const at = y.place(tick).toFixed(1);
      return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#e5e7eb"/>${text(LEFT - 6, y.place(tick) + 4, numberText(tick), "end")}`;
    }),
    ...x.ticks.map((tick) => text(x.place(tick), HEIGHT - BOTTOM + 16, numberText(tick), "middle")),
  ];
  const lines = chart.lines.map(({ points: own }, index) => {
    const color = COLORS[index % COLORS.length];
    const path = own.map(([a, b]) => `${x.place(a).toFixed(1)},${y.place(b).toFixed(1)}`).join(" ");
    const dots =
      own.length > 30
        ? ""
        : own
            .map(
              ([a, b]) =>
                `<circle cx="${x.place(a).toFixed(1)}" cy="${y.place(b).toFixed(1)}" r="2.5" fill="${color}"/>`,
            )
            .join("");
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>${dots}`;
  });
  const names = chart.lines.map(({ name }, index) =>
    text(LEFT + 8, TOP + 14 + index * 15, name, "start", COLORS[index % COLORS.length]),
  );
  return svg(HEIGHT, chart.title, [
    ...grid,
    ...lines,
    ...names,
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, chart.x, "middle"),
    text(LEFT, TOP - 4, chart.y, "start"),
  ]);
}

function barChart({ title, y, bars }: Extract<Chart, { kind: "bars" }>): string {
  const highest = Math.max(...bars.map(([, value]) => value), Number.MIN_VALUE);
  const longest = Math.max(...bars.map(([name]) => name.length), 0);
  const left = Math.min(BAR_LEFT_MAX, longest * CHARACTER_WIDTH + 12);
  const drawn = bars.map(([name, value], index) => {
    const top = TOP + 10 + index * BAR_HEIGHT;
    const width = ((WIDTH - left - 90) * Math.max(0, value)) / highest;
    return [
      text(left - 8, top + 14, name, "end"),
      `<rect x="${left}" y="${top}" width="${width.toFixed(1)}" height="${BAR_HEIGHT - 8}" fill="${COLORS[0]}"/>`,
      text(left + width + 6, top + 14, numberText(value), "start"),
    ].join("");
  });
  return svg(TOP + 20 + bars.length * BAR_HEIGHT, title, [...drawn, text(left, TOP, y, "start")]);
}

interface Scale {
  readonly place: (value: number) => number;
  readonly ticks: readonly number[];
}

/** Linear axes begin at 0. */
function scaleOf(values: readonly number[], isLog: boolean, from: number, to: number): Scale {
  const known = values.filter((value) => Number.isFinite(value) && (!isLog || value > 0));
  const highest = Math.max(...known, Number.MIN_VALUE);
  if (!isLog) {
    const step = niceStep(highest / TICKS);
    const top = Math.ceil(highest / step) * step;
    const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step);
    return { place: (value) => from + (value / top) * (to - from), ticks };
  }
  const low = Math.floor(Math.log10(Math.min(...known, highest)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(highest)));
  const place = (value: number): number =>
    from + ((Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)) * (to - from);
  return { place, ticks: Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)) };
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  const factor = [1, 2, 5, 10].find((one) => one * power >= step) ?? 10;
  return factor * power;
}
