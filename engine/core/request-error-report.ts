/**
 * What a data plane tells of failed requests: a report of counts since the last one, one message of the errors stream,
 * and its rows in `request_errors`.
 */
import { z } from "zod";
import { ERRORS, type ErrorCode } from "./errors.ts";
import { MODEL_NAME, MODEL_VERSION } from "./names.ts";
import { SOURCES, sourceCode } from "./prediction.ts";
import type { RowBinaryWriter } from "./row-binary.ts";
import { parseStreamRecord, type RecordOrigin, writeOrigin } from "./stream-record.ts";

/** Counts of one report at most; what exceeds them is counted under no model. */
export const REPORT_COUNTS_MAX = 2_000;

/** Columns of `request_errors` in the order of a row. */
export const REQUEST_ERROR_COLUMNS = [
  "log_epoch",
  "log_seq",
  "arrival_time",
  "report_id",
  "minute",
  "model_name",
  "model_version",
  "source",
  "code",
  "count",
] as const;

const errorCount = z.strictObject({
  /** Start of the minute, s since 1970. */
  minute: z.int().min(0).max(4_294_967_295).multipleOf(60),
  /** Empty where no known model was asked for. */
  model_name: z.union([z.literal(""), z.string().regex(MODEL_NAME)]),
  /** Empty where the request did not get to one. */
  model_version: z.union([z.literal(""), z.string().regex(MODEL_VERSION)]),
  source: z.enum(SOURCES),
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  count: z.int().min(1).max(4_294_967_295),
});

const report = z.strictObject({
  /** Under which a second storing of the same report is dropped. */
  report_id: z.uuid(),
  counts: z
    .array(errorCount)
    .min(1)
    .max(2 * REPORT_COUNTS_MAX),
});

export type RequestErrorCount = Readonly<z.infer<typeof errorCount>>;
export type RequestErrorReport = Readonly<z.infer<typeof report>>;

/** @throws EngineError INVALID_REQUEST naming what is wrong. */
export function parseRequestErrorReport(data: Uint8Array): RequestErrorReport {
  return parseStreamRecord(report, data, "a report of request errors");
}

/** Appends a row per count. */
export function writeRequestErrors(
  writer: RowBinaryWriter,
  origin: RecordOrigin,
  { report_id, counts }: RequestErrorReport,
): void {
  for (const { minute, model_name, model_version, source, code, count } of counts) {
    writeOrigin(writer, origin, report_id);
    writer.uint32(minute);
    writer.string(model_name);
    writer.string(model_version);
    writer.reserve(8);
    writer.uint8(sourceCode(source));
    writer.string(code);
    writer.reserve(8);
    writer.uint32(count);
  }
}
