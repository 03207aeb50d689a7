/**
 * One window of a version as the tables have it, and the verdict on each of its series: the same for the monitor's rounds and
 * for questions.
 *
 *     feature_counts → counts by variant ─┐
 *     request_errors → refused requests ──┼→ evidence → verdict
 *     reference, or season ───────────────┘
 */
import type { ErrorCode } from "../../core/errors.ts";
import type { MonitorSettings } from "../monitor-settings.ts";
import type { WatchedVersion } from "./count-keeper.ts";
import { type ComparedProfile, profileFor, type SumCounts, spanOf } from "./season-reference.ts";
import {
  type BinCount,
  type MeasuredColumn,
  measureWindow,
  misfitsOf,
  rowsOf,
  slotsByVariant,
  slotsOf,
  toEvidence,
} from "./window-measures.ts";
import { judgeWindow, type WindowVerdict } from "./window-verdict.ts";

/** Codes of requests that are refused for what they hold: their producer sends what the model does not take. */
export const REFUSAL_CODES: readonly ErrorCode[] = ["INVALID_FEATURES", "INVALID_REQUEST"];

export interface WindowTables {
  readonly sum: SumCounts;
  /** Requests that asked for the version in [startMs, endMs) and failed with one of REFUSAL_CODES. */
  readonly refused: (version: WatchedVersion, startMs: number, endMs: number) => Promise<number>;
}

export interface VersionWindow {
  readonly version: WatchedVersion;
  readonly startMs: number;
  readonly endMs: number;
  readonly counts: readonly BinCount[];
  readonly refused: number;
  readonly compared: ComparedProfile;
}

/** @throws EngineError SERVICE_UNAVAILABLE */
export async function readWindow(
  { sum, refused }: WindowTables,
  version: WatchedVersion,
  { compareWith }: Pick<MonitorSettings, "compareWith">,
  startMs: number,
  endMs: number,
): Promise<VersionWindow> {
  const [counts, refusals, compared] = await Promise.all([
    sum(version, [spanOf(startMs, endMs)]),
    refused(version, startMs, endMs),
    profileFor(sum, version, compareWith, startMs, endMs),
  ]);
  return { version, startMs, endMs, counts, refused: refusals, compared };
}

/** Variants with predictions in the window, in order; the empty one if there are none. */
export function variantsIn({ counts }: VersionWindow): string[] {
  const variants = new Set(counts.map(({ variant }) => variant));
  return variants.size === 0 ? [""] : [...variants].sort();
}

export interface JudgedSeries {
  /** Per slot of the profile's columns. */
  readonly slots: Float64Array;
  readonly measured: readonly MeasuredColumn[];
  readonly verdict: WindowVerdict;
  /** Nothing was predicted. */
  readonly isEmpty: boolean;
  /** Nor were so many requests refused that they say anything. */
  readonly isIdle: boolean;
}

/** @param variant undefined for all of them together; empty for the predictions outside of an experiment. */
export function judgeSeries(
  { version, startMs, endMs, counts, refused, compared }: VersionWindow,
  variant: string | undefined,
  { drift }: Pick<MonitorSettings, "drift">,
): JudgedSeries {
  const { model, version: number, referenceId, profile } = version;
  const together = (some: readonly BinCount[]): Float64Array =>
    slotsByVariant(
      profile,
      some.map((count) => ({ ...count, variant: "" })),
    ).get("") ?? new Float64Array(slotsOf(profile));
  const own = counts.filter((count) => variant === undefined || count.variant === variant);
  const slots = together(own);
  const measured = measureWindow(compared.profile, slots);
  const schema = {
    rows: rowsOf(profile, slots),
    misfits: misfitsOf(own),
    answered: rowsOf(profile, together(counts)) + misfitsOf(counts),
    refused,
  };
  const series = { model, version: number, variant: variant === "" ? null : (variant ?? null), referenceId };
  const evidence = { ...series, startMs, endMs, columns: toEvidence(measured, slots), schema };
  const isEmpty = schema.rows + schema.misfits === 0;
  return {
    slots,
    measured,
    verdict: judgeWindow(evidence, drift),
    isEmpty,
    isIdle: isEmpty && refused < drift.rows_min,
  };
}
