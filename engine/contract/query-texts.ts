/**
 * Numbers and times as queries have them: texts.
 */
import { z } from "zod";
import { parseTimestamp, TIMESTAMP_FORM } from "../core/timestamp.ts";

/** A number in decimal digits. */
export function wholeNumber(least: number, most: number) {
  return z.preprocess(
    (text: string | number) => (typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : text),
    z.int(`must be a whole number from ${least} to ${most}`).min(least).max(most),
  );
}

/** Milliseconds since 1970 of a time that is given as such, or in ISO 8601. */
export const timeText = z
  .string()
  .max(64)
  .transform((text) => parseTimestamp(/^\d+$/.test(text) ? Number(text) : text))
  .refine((ms) => !Number.isNaN(ms), `must be ${TIMESTAMP_FORM}`)
  .describe(TIMESTAMP_FORM);
