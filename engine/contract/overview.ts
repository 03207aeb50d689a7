/**
 * What is answered of a model as a whole. A part that cannot be had says so in its place.
 */
import { z } from "zod";
import { ERRORS, type ErrorCode } from "../core/errors.ts";
import { PROBLEM_KINDS } from "../monitor/drift/data-quality.ts";
import { VERDICTS } from "../monitor/drift/window-verdict.ts";
import { incidentAnswer } from "./drift.ts";
import { performanceReport } from "./performance.ts";
import { objectiveLevelAnswer, trafficFigures } from "./service.ts";
import { count, name } from "./texts.ts";

const failed = z.strictObject({
  error: z.strictObject({ code: z.enum(Object.keys(ERRORS) as [ErrorCode]), message: z.string() }),
});
const part = <T extends z.ZodType>(schema: T) => z.union([schema, failed]).optional();

/** The newest window of a version and variant. */
const newest = {
  model_version: z.string(),
  variant: z.string(),
  window_start: z.string(),
  window_end: z.string(),
  rows: count,
  detector_rows: count,
  detector_rows_left_out: count,
  detector_alarms: z.array(z.unknown()),
};

export const overviewAnswer = z
  .strictObject({
    model_name: name,
    drift: part(
      z.array(
        z.strictObject({
          ...newest,
          reference_id: z.string(),
          reference_rows: count,
          verdict: z.enum(VERDICTS),
          is_critical: z.boolean(),
          problems: z.array(z.enum(PROBLEM_KINDS)),
          incidents: z.array(incidentAnswer),
        }),
      ),
    ),
    performance: part(z.array(performanceReport)),
    error_detectors: part(z.array(z.strictObject({ ...newest, labelled_rows: count }))),
    latency: part(trafficFigures),
    sla: part(z.array(objectiveLevelAnswer)),
  })
  .meta({ id: "Overview" });
export type OverviewAnswer = z.infer<typeof overviewAnswer>;
