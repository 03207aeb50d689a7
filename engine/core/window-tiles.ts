/**
 * How a window is cut into tiles: spans of event time whose totals are kept, so that reading a window adds up a few
 * dozen totals whatever its length and however many events it saw.
 *
 * A tile's number is its start divided by the hop, since 1970. At a moment in tile n, a sliding window covers the tiles
 * n - window/hop to n; a tumbling one is its own only tile.
 */
import { durationMs } from "./duration.ts";

/** Most tiles that the window's length is divided into. */
export const TILES_MAX = 64;
const TILES_USUAL = 30;
const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ROUND_HOPS = [
  ...[1, 2, 5, 10, 20, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 20, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 4, 6, 8, 12].map((count) => count * HOUR),
  ...[1, 2, 3, 7].map((count) => count * DAY),
];

export interface Tiles {
  readonly hopMs: number;
  /** How many tiles a reading adds up. */
  readonly count: number;
}

/** The tiles of a window; undefined when it is sliding and its hop does not divide it into at most TILES_MAX. */
export function tilesOf(window: {
  readonly window: string;
  readonly windowing: "sliding" | "tumbling";
  readonly hop?: string | undefined;
}): Tiles | undefined {
  const lengthMs = durationMs(window.window) as number;
  if (window.windowing === "tumbling") return { hopMs: lengthMs, count: 1 };
  const hopMs = window.hop === undefined ? usualHop(lengthMs) : durationMs(window.hop);
  if (hopMs === undefined || !divides(hopMs, lengthMs, TILES_MAX)) return undefined;
  return { hopMs, count: lengthMs / hopMs + 1 };
}

function usualHop(lengthMs: number): number | undefined {
  return (
    ROUND_HOPS.find((hop) => divides(hop, lengthMs, TILES_USUAL)) ??
    ROUND_HOPS.find((hop) => divides(hop, lengthMs, TILES_MAX))
  );
}

function divides(hopMs: number, lengthMs: number, times: number): boolean {
  return lengthMs % hopMs === 0 && lengthMs / hopMs <= times;
}
