/**
 * What is answered of alerts, their rules, and silences, and how alerts are asked for and handled.
 */
import { z } from "zod";
import { ALERT_STATES } from "../alerts/alert.ts";
import { alertRule, CHANNELS, OPERATORS, ruleName } from "../alerts/alert-rule.ts";
import { silenceRequest } from "../alerts/alert-silence.ts";
import { SEVERITIES } from "../alerts/observation.ts";
import { TIMESTAMP_FORM } from "../core/timestamp.ts";
import { timeText } from "./query-texts.ts";
import { count, name, time } from "./texts.ts";

const alert = {
  alert_id: z.guid(),
  changed_date: time,
  state: z.enum(ALERT_STATES),
  severity: z.enum(SEVERITIES),
  rule: z.string(),
  description: z.string(),
  model_name: z.string(),
  model_version: z.string(),
  variant: z.string().describe("empty for the champion"),
  columns: z.array(z.string()).describe("that raise it, the first 20"),
  metric: z.string(),
  operator: z.enum(OPERATORS),
  threshold: z.number(),
  value: z.number(),
  window_start: time,
  window_end: time,
  first_window_start: time,
  raised_date: time,
  about: z.string(),
  changed_by: z.string(),
  silence_id: z.string(),
};

export const alertAnswer = z.strictObject(alert).meta({ id: "Alert" });
export type AlertAnswer = z.infer<typeof alertAnswer>;

export const alertsAnswer = z.strictObject({ alerts: z.array(alertAnswer) }).meta({ id: "Alerts" });
export type AlertsAnswer = z.infer<typeof alertsAnswer>;

export const alertChangesAnswer = z
  .strictObject({
    changes: z
      .array(
        z.strictObject({
          ...alert,
          change_number: count,
          change: z.enum([
            "raised",
            "escalated",
            "unsilenced",
            "acknowledged",
            "resolved",
            "delivered",
            "undelivered",
          ]),
          channel: z.enum(["", ...CHANNELS]),
          detail: z.string(),
        }),
      )
      .describe("oldest first; the alert as it was after each"),
  })
  .meta({ id: "AlertChanges" });
export type AlertChangesAnswer = z.infer<typeof alertChangesAnswer>;

export const testedChannelsAnswer = z
  .strictObject({
    channels: z.array(
      z.strictObject({
        channel: z.enum(CHANNELS),
        is_delivered: z.boolean(),
        detail: z.string(),
        duration_ms: count,
      }),
    ),
  })
  .meta({ id: "TestedChannels" });
export type TestedChannelsAnswer = z.infer<typeof testedChannelsAnswer>;

export const alertRuleAnswer = z
  .strictObject({ ...alertRule.shape, metric: z.string() })
  .meta({ id: "AlertRule" });
export type AlertRuleAnswer = z.infer<typeof alertRuleAnswer>;

export const alertRulesAppliedAnswer = z
  .strictObject({ rules: z.array(alertRuleAnswer) })
  .meta({ id: "AppliedAlertRules" });
export type AlertRulesAppliedAnswer = z.infer<typeof alertRulesAppliedAnswer>;

export const alertRulesAnswer = z
  .strictObject({
    rules: z.array(alertRuleAnswer),
    built_in: z.array(name).describe("names of those that are built in, and not replaced"),
  })
  .meta({ id: "AlertRules" });
export type AlertRulesAnswer = z.infer<typeof alertRulesAnswer>;

const { matcher, reason } = silenceRequest.shape;

export const silenceAnswer = z
  .strictObject({
    id: z.uuid(),
    matcher: z.strictObject({ ...matcher.shape, metric: z.string().optional() }),
    from: time,
    until: time,
    reason,
  })
  .meta({ id: "Silence" });
export type SilenceAnswer = z.infer<typeof silenceAnswer>;

export const silencesAnswer = z.strictObject({ silences: z.array(silenceAnswer) }).meta({ id: "Silences" });
export type SilencesAnswer = z.infer<typeof silencesAnswer>;

export const removedAnswer = z.strictObject({ removed: z.string() }).meta({ id: "Removed" });
export type RemovedAnswer = z.infer<typeof removedAnswer>;

/** An empty one is none. */
const none = z.literal("").transform(() => undefined);

export const alertsQuery = z.strictObject({
  model: z.union([none, ruleName], "must be the name of a model").optional(),
  state: z.union([none, z.enum(ALERT_STATES)], `must be one of ${ALERT_STATES.join(", ")}`).optional(),
  since: z.union([none, timeText], TIMESTAMP_FORM).optional(),
});
export type AlertsQuery = z.input<typeof alertsQuery>;

export const handlingRequest = z.strictObject({
  by: z.string().max(128).optional(),
  note: z.string().max(1000).optional(),
});
export type HandlingRequest = z.infer<typeof handlingRequest>;
