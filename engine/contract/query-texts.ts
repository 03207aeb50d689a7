/**
 * Numbers and times as queries have them: texts.
 */
import { z } from "zod";
import { parseTimestamp, TIMESTAMP_FORM } from "../core/timestamp.ts";

/** A number in decimal digits. The default is told in words: JSON Schema gets none of what is preprocessed. */
export function wholeNumber(least: number, most: number, fallback: number) {
  const number = z.preprocess(
    (text: string | number) => (typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : text),
    z.int(`must be a whole number from ${least} to ${most}`).min(least).max(most),
  );
  return number.default(fallback).describe(`${fallback} unless it is given`);
}

/** Milliseconds since 1970 of a time that is given as such, or in ISO 8601. */
export const timeText = z
  .string()
  .max(64)
  .transform((text) => parseTimestamp(/^\d+$/.test(text) ? Number(text) : text))
  .refine((ms) => !Number.isNaN(ms), { error: `must be ${TIMESTAMP_FORM}`, abort: true })
  .describe(TIMESTAMP_FORM);
