/**
 * Bins of a column as bars to draw: reference against current, neighbours put together where there are more than fit.
 *
 * Bars follow the bins, whose edges are the reference's quantiles: drawn equally wide, a window like the reference has bars
 * like the reference's, which are about as high as each other.
 */
import type { BinsJson } from "../monitor/drift/drift-answer.ts";
import { previousFloat32 } from "../monitor/drift/float32-order.ts";

export interface Bar {
  readonly label: string;
  /** outside: below or above all that the reference has. others: values that it does not list. */
  readonly kind: "values" | "outside" | "others" | "null";
  /** Shares of rows. */
  readonly reference: number;
  readonly current: number;
}

const DIGITS_MIN = 3;
/** Tell all float32 apart. */
const DIGITS_MAX = 9;
const LEAST_NORMAL = 2 ** -126;
const LONG_FROM = 1e6;

/** At most `barsMax` (5 or more), that of null last; it is left out when there is no null on either side. */
export function toBars(bins: BinsJson, barsMax: number): Bar[] {
  const { edges, values = [], reference } = bins;
  const nulls = barOf(bins, reference.length - 1, "no value", "null");
  const hasNulls = nulls.reference > 0 || nulls.current > 0;
  const placesMax = barsMax - (hasNulls ? 1 : 0);
  const bars = edges === undefined ? valueBars(bins, values, placesMax) : numberBars(bins, edges, placesMax);
  return hasNulls ? [...bars, nulls] : bars;
}

/** The guards stand for themselves; between them neighbours are put together, as many into each bar. */
function numberBars(bins: BinsJson, edges: readonly number[], barsMax: number): Bar[] {
  const [first] = edges;
  const last = edges.at(-1);
  if (first === undefined || last === undefined) return [barOf(bins, 0, "any", "values")];
  const textOf = edgeTexts(edges);
  const inner = edges.length - 1;
  const size = Math.max(1, Math.ceil(inner / (barsMax - 2)));
  const bars = [barOf(bins, 0, `< ${textOf(first)}`, "outside")];
  for (let start = 1; start <= inner; start += size) {
    const end = Math.min(start + size - 1, inner);
    const lower = edges[start - 1] as number;
    const upper = edges[end] as number;
    const label = isOneValue(lower, upper) ? textOf(upper) : `(${textOf(lower)}, ${textOf(upper)}]`;
    bars.push(sumOf(bins, start, end, label, "values"));
  }
  bars.push(barOf(bins, inner + 1, `> ${textOf(last)}`, "outside"));
  return bars;
}

/** The most frequent values, then all others. */
function valueBars(bins: BinsJson, values: readonly string[], barsMax: number): Bar[] {
  const shown = values.slice(0, barsMax - 1);
  const bars = shown.map((value, at) => barOf(bins, at, value === "" ? "(empty)" : value, "values"));
  const label = shown.length < values.length ? "all others" : "not listed";
  return [...bars, sumOf(bins, shown.length, values.length, label, "others")];
}

function barOf(bins: BinsJson, at: number, label: string, kind: Bar["kind"]): Bar {
  return sumOf(bins, at, at, label, kind);
}

function sumOf(
  { reference, current }: BinsJson,
  from: number,
  to: number,
  label: string,
  kind: Bar["kind"],
): Bar {
  const total = (shares: readonly number[]): number =>
    shares.slice(from, to + 1).reduce((sum, share) => sum + share, 0);
  return { label, kind, reference: total(reference), current: total(current) };
}

/** A bin between a float32 and the one before holds one value. */
function isOneValue(lower: number, upper: number): boolean {
  return previousFloat32(upper) === lower;
}

/** With as few digits as tell the ends of every bin apart. */
function edgeTexts(edges: readonly number[]): (edge: number) => string {
  for (let digits = DIGITS_MIN; ; digits++) {
    const textOf = (edge: number): string => numberText(edge, digits);
    const areApart = edges.every((edge, at) => {
      const lower = edges[at - 1];
      return lower === undefined || isOneValue(lower, edge) || textOf(lower) !== textOf(edge);
    });
    if (areApart || digits === DIGITS_MAX) return textOf;
  }
}

function numberText(value: number, digits: number): string {
  const size = Math.abs(value);
  if (size < LEAST_NORMAL) return "0"; // the edge below a value of 0 is a number that nobody means
  const rounded = Number(value.toPrecision(digits));
  return (size < LONG_FROM ? String(rounded) : rounded.toExponential()).replace("e+", "e");
}
