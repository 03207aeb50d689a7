/**
 * What is answered of how good a model was, window by window.
 */
import { z } from "zod";
import { METRICS, type MetricName } from "../monitor/performance/metric-table.ts";
import { count, name, time, version } from "./texts.ts";

const interval = z.strictObject({ low: z.number(), high: z.number() }).optional();
const compared = {
  value: z.number(),
  gain: z.number().nullable().describe("above 0: better"),
  interval,
  verdict: z.enum(["better", "worse", "no_difference"]).nullable(),
};
const metric = z
  .union([
    z.strictObject({ value: z.null(), reason: z.string() }),
    z.strictObject({
      value: z.number(),
      interval,
      reference: z.strictObject(compared).optional(),
      champion: z.strictObject({ ...compared, paired_requests: count }).optional(),
    }),
  ])
  .meta({ id: "MetricValue", description: "A metric with its interval, or why it has no value." });

export const performanceReport = z
  .strictObject({
    window_start: time,
    window_end: time,
    model_version: version,
    variant: z.string().describe("empty for the champion"),
    kind: z.enum(["realised", "estimated"]).describe("from labels, or without"),
    slice: z.string().describe("empty for all rows"),
    rows: count,
    labelled_rows: count,
    measured_rows: count,
    is_mature: z.boolean().describe("whether most labels that will come are there"),
    computed_date: time,
    reference_id: z.string().nullable(),
    champion_version: z.string().nullable(),
    metrics: z.partialRecord(z.enum(Object.keys(METRICS) as [MetricName]), metric),
  })
  .meta({ id: "PerformanceReport" });
export type PerformanceReport = z.infer<typeof performanceReport>;

export const performanceAnswer = z
  .strictObject({ model_name: name, from: time, to: time, reports: z.array(performanceReport) })
  .meta({ id: "Performance" });
export type PerformanceAnswer = z.infer<typeof performanceAnswer>;
