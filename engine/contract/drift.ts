/**
 * How drift is asked for, what is answered of it (see drift-answer), and of a model as a whole. What has no value is null.
 */
import { z } from "zod";
import { durationText } from "../core/duration.ts";
import { PROBLEM_KINDS } from "../monitor/drift/data-quality.ts";
import { CAUSES } from "../monitor/drift/incident.ts";
import { VERDICTS } from "../monitor/drift/window-verdict.ts";
import { timeText } from "./query-texts.ts";
import { count, jsonObject, name, sha256, time, version } from "./texts.ts";

const number = z.number().nullable();
const problem = z
  .strictObject({ kind: z.enum(PROBLEM_KINDS), rate: z.number(), reference_rate: z.number() })
  .meta({ id: "DataProblem" });
const rate = z.strictObject({ reference: z.number(), current: z.number(), p_value: z.number() }).nullable();

const measures = {
  rows: count,
  psi: number,
  psi_corrected: number,
  p_value: number,
  jensen_shannon: number,
  kl: number,
  chi_square: z.strictObject({ statistic: z.number(), freedom: z.number(), p_value: z.number() }).nullable(),
  null_rate: rate,
  unseen_rate: rate,
  out_of_range_rate: rate,
};

const exactColumn = z
  .strictObject({
    ...measures,
    ks: z.strictObject({ statistic: z.number(), p_value: z.number(), mode: z.string() }).nullable(),
    wasserstein: z.strictObject({ distance: z.number(), normalized: number }).nullable(),
  })
  .nullable()
  .describe("with exact=true; null of a column that the rows do not have");

const column = z
  .strictObject({
    feature: z.string(),
    role: z.enum(["input", "output"]),
    type: z.enum(["number", "category"]),
    verdict: z.enum(VERDICTS),
    is_critical: z.boolean(),
    p_adjusted: number,
    problems: z.array(problem),
    ...measures,
    ks: z.strictObject({ low: z.number(), high: z.number(), p_value: z.number() }).nullable(),
    wasserstein: z
      .strictObject({ low: z.number(), estimate: z.number(), high: z.number(), normalized: number })
      .nullable(),
    bins: z.strictObject({
      edges: z.array(z.number()).optional().describe("of a number"),
      values: z.array(z.string()).optional().describe("of a category"),
      reference: z.array(z.number()).describe("shares of rows per bin, then of null"),
      current: z.array(z.number()),
    }),
    exact: exactColumn.optional(),
  })
  .meta({ id: "DriftColumn" });

export const driftAnswer = z
  .strictObject({
    model_name: name,
    model_version: version,
    variant: z.string().optional().describe("absent when all variants are taken together"),
    reference_id: sha256,
    compared_with: z.enum(["reference", "season"]),
    season: z.array(z.strictObject({ from: time, to: time })).optional(),
    from: time,
    to: time,
    rows: count,
    reference_rows: count,
    verdict: z.enum(VERDICTS),
    problems: z.array(problem).describe("of the window as a whole"),
    exact: z
      .strictObject({ rows: count, reference_rows: count, reference_from: time, reference_to: time })
      .optional(),
    columns: z.array(column),
  })
  .meta({ id: "Drift" });
export type DriftAnswer = z.infer<typeof driftAnswer>;

export const incidentAnswer = z
  .strictObject({
    incident_id: z.string(),
    model_name: z.string(),
    model_version: z.string(),
    variant: z.string().nullable(),
    cause: z.enum(CAUSES),
    severity: z.enum(["warning", "critical"]),
    reference_id: z.string(),
    first_window: time,
    opened_at: time,
    columns: z.array(
      z.strictObject({
        column: z.string(),
        since: time,
        joined_at: time,
        psi_max: number,
        problems: z.array(z.enum(PROBLEM_KINDS)),
      }),
    ),
  })
  .meta({ id: "Incident" });
export type IncidentAnswer = z.infer<typeof incidentAnswer>;

export const settingsAnswer = z
  .strictObject({
    settings: jsonObject.describe("as they were given"),
    in_force: jsonObject.describe("with defaults filled in"),
  })
  .meta({ id: "MonitorSettings" });
export type SettingsAnswer = z.infer<typeof settingsAnswer>;

export const driftQuery = z.strictObject({
  version: z.string().max(128).optional(),
  variant: z.string().max(128).optional(),
  window: durationText("5m", "400d").optional(),
  from: timeText.optional(),
  to: timeText.optional(),
  exact: z.enum(["true", "false"]).default("false"),
  reference_from: timeText.optional(),
  reference_to: timeText.optional(),
});
export type DriftQuery = z.input<typeof driftQuery>;
