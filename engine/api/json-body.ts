/**
 * JSON bodies of requests, checked by a schema before anything is done with them.
 */
import { z } from "zod";
import { invalidBy } from "../core/schema-details.ts";
import { type Exchange, parseJson } from "./exchange.ts";

/** Bound of bodies that hold a few names. */
export const SMALL_BODY_BYTES = 4096;

/** Of what is only asked for. */
export const emptyBody = z.strictObject({});

/** Hands the body to `work`, or answers INVALID_JSON, INVALID_REQUEST, PAYLOAD_TOO_LARGE, or what `work` throws. No body is {}. */
export function withBody<T>(
  exchange: Exchange,
  schema: z.ZodType<T>,
  bytesMax: number,
  work: (body: T) => Promise<void>,
): void {
  exchange.readBody(bytesMax, (bytes) => {
    const body = checkBody(schema, bytes.length === 0 ? {} : parseJson(bytes));
    exchange.guardAsync(async () => work(body));
  });
}

/** @throws EngineError INVALID_REQUEST with one detail per wrong field. */
export function checkBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (!result.success) throw invalidBy(result.error, "body");
  return result.data;
}
