/**
 * Records that a stream carries to its sink as JSON, one a message, each under an id that tells when it comes again.
 */
import type { z } from "zod";
import { EngineError } from "./errors.ts";
import type { RowBinaryWriter } from "./row-binary.ts";
import { uuidKey } from "./uuid.ts";

/** The stream that a record came from, and when that stored it, ms. */
export interface RecordOrigin {
  readonly epoch: number;
  readonly seq: number;
  readonly atMs: number;
}

/** @param what for the message: "an audit entry". @throws EngineError INVALID_REQUEST naming what is wrong. */
export function parseStreamRecord<T>(schema: z.ZodType<T>, data: Uint8Array, what: string): T {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(data).toString("utf8"));
  } catch (error) {
    throw new EngineError("INVALID_REQUEST", `${what} is not JSON`, { cause: error });
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const { path = [], message = "" } = result.error.issues[0] ?? {};
  throw new EngineError("INVALID_REQUEST", `${what} is damaged: ${path.join(".")} ${message}`);
}

/** The columns that rows of such a table begin with, and room for one more number. */
export function writeOrigin(writer: RowBinaryWriter, { epoch, seq, atMs }: RecordOrigin, id: string): void {
  writer.reserve(64);
  writer.uint64(epoch);
  writer.uint64(seq);
  writer.uint64(atMs);
  writer.raw(uuidKey(id));
}
