/**
 * What a route says of itself: from it the OpenAPI description is made, and the lists of endpoints.
 *
 * Invariant: the schemas are those that check requests, or, on the hot path, ones that a test holds against the parser.
 */
import { z } from "zod";
import type { ErrorCode } from "../core/errors.ts";

export const TAGS = {
  Predictions: "Rows in, predictions out.",
  "Open Inference Protocol": "Protocol version 2, as other servers of models speak it.",
  Labels: "The truth about predictions, once it is known.",
  Models: "The registry: versions, aliases, deployments, references.",
  Features: "Feature sets, and what is known of entities.",
  Monitoring: "How models do: drift, performance, latency, objectives.",
  Alerts: "What is wrong, who is told, and when nobody is.",
  Training: "Training jobs, and what asks for them.",
  Status: "How this engine is.",
  Documentation: "This description.",
} as const;
export type Tag = keyof typeof TAGS;

/** JSON of a schema, or schemas by media type. */
export type Content = z.ZodType | Readonly<Record<string, z.ZodType>>;

export interface RouteDescription {
  readonly tag: Tag;
  /** One sentence without a full stop. */
  readonly summary: string;
  /** Of parameters of the path, where more is known than that they are text. */
  readonly path?: Readonly<Record<string, z.ZodType>>;
  readonly query?: z.ZodObject;
  readonly headers?: z.ZodObject;
  readonly body?: Content;
  /** By status; of errors only those whose body is none, such as a server that is not ready yet. */
  readonly answers: Readonly<Record<number, Content>>;
  /** Codes beside those that follow from the method, the path, the query and the body (see openapi-errors). */
  readonly errors: readonly ErrorCode[];
}

/** Of what is answered with the same header. */
export const requestIdHeader = z.object({
  "x-request-id": z.string().max(128).optional().describe("the request_id of a body that has none"),
});
