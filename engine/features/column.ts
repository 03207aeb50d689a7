// hot path
/**
 * A column: the tiles of one aggregated field of an entity, as one array of doubles, and how to add to it and read it.
 *
 *     tile   number · count · [sum 2] · [squares 2] · [min · max] · [first: time · seq · value · last: time · seq · value]
 *
 * Only the parts that the column's aggregations need are there. Tiles are in ascending order of their number; a tile
 * without events is not kept. Distinct values are kept beside, by tile (see distinct-count).
 */
import type { FieldValue } from "../core/feature-event.ts";
import type { EventRules } from "../core/feature-history.ts";
import { addInteger, addPair, addSquare, toScaled } from "./exact-sum.ts";

export interface Column {
  /** Hash of what follows: columns of equal definitions are one. */
  readonly id: number;
  /** Undefined: events are counted. */
  readonly field: string | undefined;
  readonly filter: { readonly field: string; readonly in: ReadonlySet<FieldValue> } | undefined;
  readonly hopMs: number;
  /** Tiles that a reading adds up. */
  readonly tiles: number;
  /** 10^decimals of its sums. */
  readonly scale: number;
  readonly latenessMs: number;
  /** Of the sets that have the column: it takes events that keep them. */
  readonly rules: EventRules;
  readonly layout: Layout;
}

/** Doubles of a tile, and where each part begins; -1 where the column has no such part. */
export interface Layout {
  readonly stride: number;
  readonly sumAt: number;
  readonly squaresAt: number;
  readonly extremesAt: number;
  readonly edgesAt: number;
  readonly hasDistinct: boolean;
}

export const COUNT_AT = 1;
const FIRST_PART_AT = 2;

export type Part = "sum" | "squares" | "extremes" | "edges" | "distinct";

export function createLayout(parts: ReadonlySet<Part>): Layout {
  let stride = FIRST_PART_AT;
  const place = (part: Part, doubles: number): number => {
    if (!parts.has(part)) return -1;
    stride += doubles;
    return stride - doubles;
  };
  const sumAt = place("sum", 2);
  const squaresAt = place("squares", 2);
  const extremesAt = place("extremes", 2);
  const edgesAt = place("edges", 6);
  return { stride, sumAt, squaresAt, extremesAt, edgesAt, hasDistinct: parts.has("distinct") };
}

export function tileOf(timeMs: number, hopMs: number): number {
  return Math.floor(timeMs / hopMs);
}

/** Sets the parts of an empty tile. */
export function clearTile(layout: Layout, tiles: Float64Array, at: number, tile: number): void {
  tiles.fill(0, at, at + layout.stride);
  tiles[at] = tile;
  if (layout.extremesAt >= 0) {
    tiles[at + layout.extremesAt] = Number.POSITIVE_INFINITY;
    tiles[at + layout.extremesAt + 1] = Number.NEGATIVE_INFINITY;
  }
}

/** Adds one event's value to the tile at `at`. */
export function addToTile(
  { layout, scale }: Pick<Column, "layout" | "scale">,
  tiles: Float64Array,
  at: number,
  value: number,
  eventMs: number,
  seq: number,
): void {
  tiles[at + COUNT_AT] = (tiles[at + COUNT_AT] as number) + 1;
  if (layout.sumAt >= 0) {
    const term = toScaled(value, scale);
    addInteger(tiles, at + layout.sumAt, term);
    if (layout.squaresAt >= 0) addSquare(tiles, at + layout.squaresAt, term);
  }
  if (layout.extremesAt >= 0) {
    const low = at + layout.extremesAt;
    if (value < (tiles[low] as number)) tiles[low] = value;
    if (value > (tiles[low + 1] as number)) tiles[low + 1] = value;
  }
  if (layout.edgesAt >= 0) {
    const isOnly = tiles[at + COUNT_AT] === 1;
    takeEdge(tiles, at + layout.edgesAt, isOnly, -1, eventMs, seq, value);
    takeEdge(tiles, at + layout.edgesAt + 3, isOnly, 1, eventMs, seq, value);
  }
}

/** Adds the totals of the tile at `from` of `source` to those at `at`: both have the same layout. */
export function addTile(
  layout: Layout,
  totals: Float64Array,
  at: number,
  source: Float64Array,
  from: number,
): void {
  const isFirst = totals[at + COUNT_AT] === 0;
  totals[at + COUNT_AT] = (totals[at + COUNT_AT] as number) + (source[from + COUNT_AT] as number);
  for (const part of [layout.sumAt, layout.squaresAt]) {
    if (part >= 0)
      addPair(totals, at + part, source[from + part] as number, source[from + part + 1] as number);
  }
  if (layout.extremesAt >= 0) {
    const low = at + layout.extremesAt;
    const other = from + layout.extremesAt;
    totals[low] = Math.min(totals[low] as number, source[other] as number);
    totals[low + 1] = Math.max(totals[low + 1] as number, source[other + 1] as number);
  }
  if (layout.edgesAt >= 0) {
    for (const [offset, direction] of EDGES) {
      const edge = from + layout.edgesAt + offset;
      takeEdge(
        totals,
        at + layout.edgesAt + offset,
        isFirst,
        direction,
        source[edge] as number,
        source[edge + 1] as number,
        source[edge + 2] as number,
      );
    }
  }
}

const EDGES = [
  [0, -1],
  [3, 1],
] as const;

/** Takes a value as the first (direction -1) or last (1) if it is earlier or later, by time and then by sequence. */
function takeEdge(
  tiles: Float64Array,
  at: number,
  isOnly: boolean,
  direction: number,
  eventMs: number,
  seq: number,
  value: number,
): void {
  const byTime = (eventMs - (tiles[at] as number)) * direction;
  const isBeyond = byTime > 0 || (byTime === 0 && (seq - (tiles[at + 1] as number)) * direction > 0);
  if (!isOnly && !isBeyond) return;
  tiles[at] = eventMs;
  tiles[at + 1] = seq;
  tiles[at + 2] = value;
}
