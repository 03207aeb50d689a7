/**
 * The gRPC status of an error: from its HTTP status, so that one table says what an error means.
 */
import { status } from "@grpc/grpc-js";
import type { EngineError } from "../core/errors.ts";

const BY_HTTP_STATUS: Readonly<Record<number, status>> = {
  404: status.NOT_FOUND,
  429: status.RESOURCE_EXHAUSTED,
  500: status.INTERNAL,
  501: status.UNIMPLEMENTED,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
};

export function grpcStatusOf({ meaning }: EngineError): status {
  return BY_HTTP_STATUS[meaning.status] ?? status.INVALID_ARGUMENT;
}
