/**
 * Queries of requests, checked by a schema: the one that describes them.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import { EngineError } from "../core/errors.ts";
import { parseTimestamp, TIMESTAMP_FORM } from "../core/timestamp.ts";

/** Of a parameter that is there twice the last counts. @throws EngineError INVALID_REQUEST with one detail per wrong parameter. */
export function queryIn<T>(req: Pick<HttpRequest, "getQuery">, schema: z.ZodType<T>): T {
  const result = schema.safeParse(Object.fromEntries(new URLSearchParams(req.getQuery())));
  if (result.success) return result.data;
  const details = result.error.issues.map(({ path, message }) => ({
    field: path.join(".") || "query",
    message,
  }));
  throw new EngineError("INVALID_REQUEST", `${details[0]?.field} ${details[0]?.message}`, { details });
}

/** A number in decimal digits. The default is told in words: JSON Schema gets none of what is preprocessed. */
export function wholeNumber(least: number, most: number, fallback: number) {
  const number = z.preprocess(
    (text) => (typeof text === "string" && /^\d{1,15}$/.test(text) ? Number(text) : text),
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
