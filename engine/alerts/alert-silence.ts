/**
 * Silences: spans of time in which alerts that fit are recorded and nobody is told, such as a planned load test.
 *
 * An alert that is still open when its silence ends is told then.
 */
import { z } from "zod";
import { parseTimestamp, TIMESTAMP_FORM } from "../core/timestamp.ts";
import type { Alert } from "./alert.ts";
import { columnName, metricName, modelPattern, ruleName } from "./alert-rule.ts";

const LENGTH_MAX_MS = 366 * 86_400_000;

const moment = z
  .union([z.string(), z.number()])
  .refine((value) => !Number.isNaN(parseTimestamp(value)), TIMESTAMP_FORM)
  .transform((value) => new Date(parseTimestamp(value)).toISOString());

/** As it is asked for; `from` is now unless it is given. */
export const silenceRequest = z.strictObject({
  /** All of these must fit; at least one is needed. */
  matcher: z
    .strictObject({
      rule: ruleName.optional(),
      model: modelPattern.optional(),
      metric: metricName.optional(),
      column: columnName.optional(),
    })
    .refine(
      (matcher) => Object.values(matcher).some((value) => value !== undefined),
      'must name a rule, model ("*" for all), metric or column',
    ),
  from: moment.optional(),
  until: moment,
  reason: z.string().min(1).max(1000),
});
export type SilenceRequest = z.infer<typeof silenceRequest>;

export interface Silence extends SilenceRequest {
  readonly id: string;
  /** ISO 8601 */
  readonly from: string;
}

/** What is wrong with the times, as [field, message], or undefined. */
export function silenceProblem({ from, until }: Silence, nowMs: number): [string, string] | undefined {
  const endMs = Date.parse(until);
  if (endMs <= nowMs) return ["until", "is over already"];
  if (endMs <= Date.parse(from)) return ["until", "must be after from"];
  if (endMs - Date.parse(from) > LENGTH_MAX_MS) return ["until", "must be within 366 days of from"];
  return undefined;
}

/** The silence that keeps this alert from being told at this moment. */
export function silenceOf(
  alert: Pick<Alert, "rule" | "model" | "metric" | "columns">,
  silences: readonly Silence[],
  nowMs: number,
): Silence | undefined {
  return silences.find(
    ({ matcher: { rule, model, metric, column }, from, until }) =>
      Date.parse(from) <= nowMs &&
      nowMs < Date.parse(until) &&
      (rule === undefined || rule === alert.rule) &&
      (model === undefined || model === "*" || model === alert.model) &&
      (metric === undefined || metric === alert.metric) &&
      // one column of several that share the alert is not all of it
      (column === undefined || (alert.columns.length > 0 && alert.columns.every((name) => name === column))),
  );
}
