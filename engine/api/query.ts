/**
 * Queries of requests, checked by a schema: the one that describes them.
 */
import type { HttpRequest } from "uWebSockets.js";
import type { z } from "zod";
import { EngineError } from "../core/errors.ts";

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
