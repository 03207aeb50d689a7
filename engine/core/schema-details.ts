/**
 * What a schema says is wrong, as details of an error: one for each field, by its path.
 */
import type { z } from "zod";
import { EngineError, type ErrorDetail } from "./errors.ts";

const DETAILS_MAX = 20;
const FIELD_LENGTH_MAX = 128;

/** @param whole what is called by name where nothing smaller is to blame. */
export function invalidBy(error: z.ZodError, whole: string): EngineError {
  const details = error.issues.flatMap((issue) => toDetails(issue, whole)).slice(0, DETAILS_MAX);
  return new EngineError("INVALID_REQUEST", `${details[0]?.field}: ${details[0]?.message}`, { details });
}

/** Keys that are not known stand in the message; the caller looks for them in the field. */
function toDetails(issue: z.core.$ZodIssue, whole: string): ErrorDetail[] {
  const { path, message } = issue;
  if (issue.code !== "unrecognized_keys") return [{ field: path.join(".") || whole, message }];
  return issue.keys.map((key) => ({
    field: [...path, key.slice(0, FIELD_LENGTH_MAX)].join("."),
    message: "is no known field",
  }));
}
