/**
 * Alert rules: which metric of which models raises an alert, how bad it is, and who is told.
 *
 * Every default is one that most rules should have: a value must hold in one window, because what the monitor observes is
 * aggregated already and incidents have a persistence of their own; columns, models' windows and whatever else is not in
 * `group_by` share one alert, because thirty columns that drift together are one thing to look at; a group that was resolved
 * is quiet for an hour, because one that comes and goes is known by then.
 */
import { z } from "zod";
import { durationMs, durationText } from "../core/duration.ts";
import { EngineError } from "../core/errors.ts";
import { MODEL_NAME } from "../core/names.ts";
import { OBSERVED_METRICS, type Observation, type ObservedMetric, SEVERITIES } from "./observation.ts";

export const OPERATORS = [">", ">=", "<", "<="] as const;
export type Operator = (typeof OPERATORS)[number];
export const CHANNELS = ["nats", "webhook", "email"] as const;
export type ChannelName = (typeof CHANNELS)[number];
/** An alert is of one metric always. */
export const GROUP_FIELDS = ["model", "version", "variant", "column"] as const;

export const RULES_MAX = 500;
const WINDOWS_MAX = 20;

const isMetric = new Set<string>(OBSERVED_METRICS);

export const ruleName = z
  .string()
  .regex(MODEL_NAME, "a lower-case letter, then lower-case letters, digits, _ or - (at most 63)");
export const modelPattern = z
  .string()
  .refine((name) => name === "*" || MODEL_NAME.test(name), 'a model\'s name, or "*" for all models');
export const metricName = z
  .string()
  .refine(
    (name) => isMetric.has(name),
    `is no metric: one of ${OBSERVED_METRICS.filter((name) => !/^(performance|estimated)\./.test(name)).join(", ")}, or performance. or estimated. and a metric of performance reports, such as performance.roc_auc`,
  )
  .transform((name) => name as ObservedMetric);
export const columnName = z.string().min(1).max(128);

export const alertRule = z
  .strictObject({
    name: ruleName,
    description: z.string().max(1000).optional(),
    model: modelPattern.default("*"),
    metric: metricName,
    /** Only this column; without it every column. */
    column: columnName.optional(),
    condition: z.strictObject({ op: z.enum(OPERATORS), threshold: z.number() }),
    /** Only windows of this length; without it those of every length, each counted apart. */
    window: durationText("10s", "366d").optional(),
    /** The condition must hold in `needed` of the latest `considered` windows; the alert is over when it held in none of them. */
    persistence: z
      .strictObject({
        needed: z.int().min(1).max(WINDOWS_MAX).default(1),
        considered: z.int().min(1).max(WINDOWS_MAX).default(1),
      })
      .default({ needed: 1, considered: 1 }),
    severity: z.enum(SEVERITIES).default("warning"),
    /** How long a group raises no new alert after one was resolved. */
    cooldown: durationText("1s", "30d").default("1h"),
    /** What tells one alert from another; all else shares one. */
    group_by: z.array(z.enum(GROUP_FIELDS)).max(GROUP_FIELDS.length).default(["model", "version", "variant"]),
    /** Who is told; without it all channels that are configured. */
    channels: z.array(z.enum(CHANNELS)).max(CHANNELS.length).optional(),
    enabled: z.boolean().default(true),
  })
  .superRefine(checkAgreement);

export type AlertRule = z.infer<typeof alertRule>;

const ruleFile = z.strictObject({ rules: z.array(z.unknown()).min(1).max(RULES_MAX) });

function checkAgreement(rule: AlertRule, context: z.RefinementCtx): void {
  const issue = (path: string[], message: string): void =>
    context.addIssue({ code: "custom", path, message });
  const { needed, considered } = rule.persistence;
  if (needed > considered) issue(["persistence", "needed"], `is more than "considered" (${considered})`);
  if (new Set(rule.group_by).size < rule.group_by.length) issue(["group_by"], "a field is listed twice");
  if (new Set(rule.channels).size < (rule.channels?.length ?? 0))
    issue(["channels"], "a channel is listed twice");
  if (rule.metric.endsWith(".incident") && rule.window !== undefined)
    issue(["window"], "not allowed with incidents, which are of no window");
}

/**
 * Checks a rule. One that has the name of a built-in rule needs only what is different.
 * @throws EngineError ALERT_RULE_INVALID with one detail per wrong field.
 */
export function parseAlertRule(json: unknown, builtIn: readonly AlertRule[], place = ""): AlertRule {
  const base = builtIn.find(({ name }) => name === nameOf(json));
  const result = alertRule.safeParse(base === undefined ? json : { ...base, ...(json as object) });
  if (result.success) return result.data;
  const details = result.error.issues.slice(0, 20).map(({ path, message }) => ({
    field: `${place}${path.join(".")}`.replace(/\.$/, "") || "rule",
    message,
  }));
  throw new EngineError("ALERT_RULE_INVALID", `${details[0]?.field}: ${details[0]?.message}`, { details });
}

/**
 * Checks the content of a file of rules, `{"rules": […]}`.
 * @throws EngineError ALERT_RULE_INVALID naming the rule by its place, such as rules.2.metric.
 */
export function parseAlertRules(json: unknown, builtIn: readonly AlertRule[]): AlertRule[] {
  const result = ruleFile.safeParse(json);
  if (!result.success) {
    const [problem] = result.error.issues;
    const field = problem?.path.join(".") || "rules";
    const message = `${problem?.message ?? ""}: a file of alert rules is {"rules": [{"name", "metric", "condition", …}]}`;
    throw new EngineError("ALERT_RULE_INVALID", `${field}: ${message}`, { details: [{ field, message }] });
  }
  const rules = result.data.rules.map((rule, index) => parseAlertRule(rule, builtIn, `rules.${index}.`));
  const names = rules.map(({ name }) => name);
  const twice = names.findIndex((name, index) => names.indexOf(name) < index);
  if (twice < 0) return rules;
  const details = [{ field: `rules.${twice}.name`, message: `"${names[twice]}" is used twice` }];
  throw new EngineError("ALERT_RULE_INVALID", `${details[0]?.field}: ${details[0]?.message}`, { details });
}

function nameOf(json: unknown): unknown {
  return typeof json === "object" && json !== null && "name" in json ? json.name : undefined;
}

/** Whether the rule is about this observation. */
export function isAbout(rule: AlertRule, { model, metric, column, ...window }: Observation): boolean {
  return (
    rule.enabled &&
    rule.metric === metric &&
    (rule.model === "*" || rule.model === model) &&
    (rule.column === undefined || rule.column === column) &&
    (rule.window === undefined || durationMs(rule.window) === window.windowEnd - window.windowStart)
  );
}

/** Whether the condition holds. */
export function holds(
  { condition: { op, threshold } }: Pick<AlertRule, "condition">,
  value: number,
): boolean {
  switch (op) {
    case ">":
      return value > threshold;
    case ">=":
      return value >= threshold;
    case "<":
      return value < threshold;
    case "<=":
      return value <= threshold;
  }
}

/** Negative when `a` is the worse of two values. */
export function compareBadness(
  { condition: { op } }: Pick<AlertRule, "condition">,
  a: number,
  b: number,
): number {
  return op === ">" || op === ">=" ? b - a : a - b;
}

/** One text for one group of a rule, whatever the order of its fields. */
export function groupText(rule: string, group: Readonly<Record<string, string>>): string {
  return JSON.stringify([rule, ...GROUP_FIELDS.map((field) => group[field] ?? null)]);
}
