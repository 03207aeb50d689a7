/**
 * How good a model was, window by window: how it is asked for, and what is answered.
 */
import { z } from "zod";
import { TIMESTAMP_FORM } from "../core/timestamp.ts";
import { METRICS, type MetricName } from "../monitor/performance/metric-table.ts";
import { timeText } from "./query-texts.ts";
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

/** Of ClickHouse's DateTime. */
const LAST_MS = 0xffff_ffff * 1_000;
const moment = timeText.refine(
  (ms) => ms >= 0 && ms <= LAST_MS,
  `must be ${TIMESTAMP_FORM}, from 1970 to 2106`,
);
const text = z.string().max(512).optional();

export const performanceQuery = z.strictObject({
  from: moment.optional(),
  to: moment.optional(),
  version: text,
  variant: text,
  metric: z.enum(Object.keys(METRICS) as [MetricName]).optional(),
  slice: z.string().max(512).default(""),
});
export type PerformanceQuery = z.input<typeof performanceQuery>;
