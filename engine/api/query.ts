/**
 * Queries of requests, checked by a schema: the one that describes them.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import { invalidBy } from "../core/schema-details.ts";
import { parseTimestamp, TIMESTAMP_FORM } from "../core/timestamp.ts";

/** Of a parameter that is there twice the last counts. @throws EngineError INVALID_REQUEST with one detail per wrong parameter. */
export function queryIn<T>(req: Pick<HttpRequest, "getQuery">, schema: z.ZodType<T>): T {
  const result = schema.safeParse(Object.fromEntries(new URLSearchParams(req.getQuery())));
  if (!result.success) throw invalidBy(result.error, "query");
  return result.data;
}

/** A number in decimal digits. */
export function wholeNumber(least: number, most: number) {
  return z.preprocess(
    (text) => (typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : text),
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
