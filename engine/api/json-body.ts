/**
 * JSON bodies of requests, checked by a schema before anything is done with them.
 */
import type { z } from "zod";
import { EngineError } from "../core/errors.ts";
import { type Exchange, parseJson } from "./exchange.ts";

/** Bound of bodies that hold a few names. */
export const SMALL_BODY_BYTES = 4096;

/** Hands the body to `work`, or answers INVALID_JSON, INVALID_REQUEST, PAYLOAD_TOO_LARGE, or what `work` throws. No body is {}. */
export function withBody<T>(
  exchange: Exchange,
  schema: z.ZodType<T>,
  bytesMax: number,
  work: (body: T) => Promise<void>,
): void {
  exchange.readBody(bytesMax, (bytes) => {
    const result = schema.safeParse(bytes.length === 0 ? {} : parseJson(bytes));
    if (!result.success) throw invalidBody(result.error);
    exchange.guardAsync(async () => work(result.data));
  });
}

function invalidBody(error: z.ZodError): EngineError {
  const details = error.issues
    .slice(0, 20)
    .map((issue) => ({ field: issue.path.join(".") || "body", message: issue.message }));
  return new EngineError("INVALID_REQUEST", `${details[0]?.field}: ${details[0]?.message}`, { details });
}
