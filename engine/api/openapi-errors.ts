/**
 * The errors that a route may answer: those that it names, and those that follow from its method, path, query and body.
 */
import type { z } from "zod";
import { errorAnswer } from "../contract/error-answer.ts";
import { oipError } from "../contract/open-inference.ts";
import { ERRORS, type ErrorCode } from "../core/errors.ts";
import type { Route } from "./http-server.ts";

export interface DescribedError {
  readonly status: number;
  readonly codes: readonly ErrorCode[];
  readonly body: z.ZodType;
  /** Whether every answer of this status says when to try again. */
  readonly hasRetryAfter: boolean;
}

/** By status, ascending. */
export function errorsOf(route: Route): DescribedError[] {
  const codes = [...new Set([...impliedErrors(route), ...route.describes.errors])].sort();
  const statuses = [...new Set(codes.map((code) => ERRORS[code].status as number))].sort((a, b) => a - b);
  return statuses.map((status) => {
    const here = codes.filter((code) => ERRORS[code].status === status);
    return {
      status,
      codes: here,
      body: route.errors === "oip" ? oipError : errorAnswer,
      hasRetryAfter: here.every((code) => ERRORS[code].retry === "later"),
    };
  });
}

function impliedErrors({ method, path, takes, describes: { query, headers, body } }: Route): ErrorCode[] {
  const codes: ErrorCode[] = ["METHOD_NOT_ALLOWED", "INTERNAL"];
  if (path.includes("/:")) codes.push("ROUTE_NOT_FOUND");
  if (method !== "get") codes.push("FORBIDDEN");
  if (takes === "json") codes.push("UNSUPPORTED_MEDIA_TYPE");
  if (body !== undefined) codes.push("INVALID_JSON", "INVALID_REQUEST", "PAYLOAD_TOO_LARGE");
  if (query !== undefined || headers !== undefined) codes.push("INVALID_REQUEST");
  return codes;
}
