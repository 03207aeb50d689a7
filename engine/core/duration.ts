/**
 * Durations as people write them in definitions: a whole number and one unit, such as 30s, 10m, 24h or 7d.
 */
import { z } from "zod";

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DURATION = /^([1-9]\d{0,5})([smhd])$/;

/** A duration's milliseconds, or undefined for text that is none. */
export function durationMs(text: string): number | undefined {
  const [, count, unit] = DURATION.exec(text) ?? [];
  return count === undefined || unit === undefined ? undefined : Number(count) * (UNIT_MS[unit] as number);
}

/** A string that is a duration within [min, max]. It stays text: `durationMs` reads it. */
export function durationText(min: string, max: string): z.ZodString {
  const low = durationMs(min) as number;
  const high = durationMs(max) as number;
  return z.string().refine((text) => {
    const ms = durationMs(text);
    return ms !== undefined && ms >= low && ms <= high;
  }, `must be a duration from ${min} to ${max}, such as 30s, 10m, 24h or 7d`);
}
