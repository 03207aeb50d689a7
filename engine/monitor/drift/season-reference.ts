/**
 * What a window is compared with: the version's reference, or with `compare_with: season` its columns with the counts of the
 * same hours of four weeks before.
 *
 *     window of up to a week   1, 2, 3 and 4 weeks before it
 *     longer                   the same in steps of as many whole weeks as the window needs: it is never among its own past
 */
import type { ReferenceProfile } from "../references/reference-profile.ts";
import type { WatchedVersion } from "./count-keeper.ts";
import { type BinCount, slotsByVariant, slotsOf, withCounts } from "./window-measures.ts";

const WEEK_MS = 7 * 86_400_000;
const SEASON_WINDOWS = 4;

/** Whole minutes, seconds since 1970. */
export type Span = readonly [startS: number, endS: number];
export type SumCounts = (version: WatchedVersion, spans: readonly Span[]) => Promise<readonly BinCount[]>;

export interface ComparedProfile {
  readonly profile: ReferenceProfile;
  /** The latest first; undefined when it is the reference itself. */
  readonly season?: readonly Span[];
}

/** @throws what `sum` throws */
export async function profileFor(
  sum: SumCounts,
  version: WatchedVersion,
  compareWith: "reference" | "season",
  startMs: number,
  endMs: number,
): Promise<ComparedProfile> {
  if (compareWith === "reference") return { profile: version.profile };
  const season = seasonSpans(startMs, endMs);
  const counts = await sum(version, season);
  const [slots] = slotsByVariant(
    version.profile,
    counts.map((count) => ({ ...count, variant: "" })),
  ).values();
  return {
    profile: withCounts(version.profile, slots ?? new Float64Array(slotsOf(version.profile))),
    season,
  };
}

/** How long before its end a window and its season begin, ms. */
export function seasonReachMs(windowMs: number): number {
  return windowMs + SEASON_WINDOWS * stepMs(windowMs);
}

function seasonSpans(startMs: number, endMs: number): Span[] {
  const step = stepMs(endMs - startMs);
  return Array.from({ length: SEASON_WINDOWS }, (_, before) =>
    spanOf(startMs - (before + 1) * step, endMs - (before + 1) * step),
  );
}

function stepMs(windowMs: number): number {
  return Math.ceil(windowMs / WEEK_MS) * WEEK_MS;
}

export function spanOf(startMs: number, endMs: number): Span {
  return [startMs / 1000, endMs / 1000];
}
