/**
 * What may be a reason to retrain, as monitors, the schedule and people put it: a finding with its numbers, to be weighed
 * against the model's policy.
 */
import { hash } from "node:crypto";
import { durationMs } from "../core/duration.ts";
import { type Evidence, RETRAIN_CAUSES, utcText } from "../core/retrain-request.ts";
import { uuidText, writeUuidOf } from "../core/uuid.ts";
import { type RetrainPolicy, SEVERITIES, type Severity } from "./retrain-policy.ts";

/** Attached to every proposal. */
export interface Finding {
  /** What else was measured, by name. */
  readonly numbers?: Readonly<Record<string, number | string>>;
  /** Time that was looked at, ms since 1970; `toMs` is outside. The same windows again are the same finding. */
  readonly windows: readonly { readonly fromMs: number; readonly toMs: number }[];
  /** Of the reference or its edges; null where there is none. */
  readonly referenceId: string | null;
  readonly incidentId?: string;
}

export interface MetricDrop {
  readonly metric: string;
  readonly value: number;
  readonly reference: number;
  /** Gain over the reference in the metric's unit; negative is worse, also where lower values are better. */
  readonly gain: number;
  /** High end of the gain's confidence interval; the gain itself where there is none. */
  readonly gainHigh?: number;
}

export type Proposal = Finding &
  (
    | { readonly cause: "drift"; readonly severity: Severity }
    | ({ readonly cause: "performance" | "estimated_performance" } & MetricDrop)
    /** All labels of the model's predictions that have ever come. */
    | { readonly cause: "labels"; readonly labelsTotal: number }
    /** `dueMs` is the time that the schedule named, ms since 1970. */
    | { readonly cause: "schedule"; readonly dueMs: number }
    | {
        readonly cause: "manual";
        readonly requestedBy: string;
        readonly reason?: string;
        /** How to train; without it as the model's own specification says. */
        readonly training?: Readonly<Record<string, unknown>>;
      }
  );

/** An incident that is open now, of any cause. */
export interface OpenIncident {
  readonly id: string;
  readonly cause: string;
  readonly severity: string;
  readonly openedMs: number;
}

/** Whether the policy takes the proposal as a reason, and if not, why not. */
export function weigh(
  policy: RetrainPolicy,
  proposal: Proposal,
  labelsAtJob: number | null,
): "enough" | "below_threshold" | "disabled" {
  const enoughIf = (isEnough: boolean): "enough" | "below_threshold" =>
    isEnough ? "enough" : "below_threshold";
  const { cause } = proposal;
  if (cause === "manual") return "enough";
  if (cause === "schedule") return policy.schedule?.enabled === true ? "enough" : "disabled";
  if (!policy[cause].enabled) return "disabled";
  switch (cause) {
    case "drift":
      return enoughIf(SEVERITIES.indexOf(proposal.severity) >= SEVERITIES.indexOf(policy.drift.severity_min));
    case "labels":
      return enoughIf(newLabels(proposal.labelsTotal, labelsAtJob) >= policy.labels.count_min);
    case "performance":
    case "estimated_performance": {
      const { drops } = policy[cause];
      const drop = Object.hasOwn(drops, proposal.metric) ? drops[proposal.metric] : undefined;
      return drop === undefined ? "disabled" : enoughIf((proposal.gainHigh ?? proposal.gain) <= -drop);
    }
  }
}

/** Fewer than there were means that they are counted anew; where there were none told, counting begins now. */
function newLabels(total: number, labelsAtJob: number | null): number {
  if (labelsAtJob === null) return 0;
  return total >= labelsAtJob ? total - labelsAtJob : total;
}

/**
 * Under which the finding is known: a UUID of model, cause, windows and reference. The same for every engine, so two monitors that
 * find the same thing find one.
 */
export function keyOf(model: string, proposal: Proposal, labelsAtJob: number | null): string {
  const bytes = new Uint8Array(16);
  const { cause, referenceId } = proposal;
  writeUuidOf(bytes, 0, JSON.stringify([model, cause, windowOf(proposal, labelsAtJob), referenceId]));
  return uuidText(bytes, 0);
}

/** Labels grow with every look, so theirs is the count at which they began. */
function windowOf(proposal: Proposal, labelsAtJob: number | null): unknown {
  if (proposal.cause === "labels") return labelsAtJob;
  if (proposal.cause === "schedule") return proposal.dueMs;
  return proposal.windows.map(({ fromMs, toMs }): [number, number] => [fromMs, toMs]).sort(byTime);
}

/** The weightiest first, those of one cause in the order of their keys, then of their texts: whoever sorts them gets the same. */
export function byWeight(
  a: { readonly proposal: Proposal; readonly key: string },
  b: { readonly proposal: Proposal; readonly key: string },
): number {
  const rank = ({ cause }: Proposal): number => RETRAIN_CAUSES.indexOf(cause);
  const textOf = ({ key, proposal }: typeof a): string => key + JSON.stringify(proposal);
  return rank(a.proposal) - rank(b.proposal) || (textOf(a) < textOf(b) ? -1 : 1);
}

export function toEvidence(proposal: Proposal, labelsAtJob: number | null): Evidence {
  const { cause, numbers = {}, windows, referenceId, incidentId } = proposal;
  return {
    cause,
    numbers: { ...numbers, ...ownNumbers(proposal, labelsAtJob) },
    windows: windows.map(({ fromMs, toMs }) => ({ from: timeText(fromMs), to: timeText(toMs) })),
    reference_id: referenceId,
    ...(incidentId === undefined ? {} : { incident_id: incidentId }),
  };
}

function ownNumbers(proposal: Proposal, labelsAtJob: number | null): Record<string, number | string> {
  switch (proposal.cause) {
    case "drift":
      return { severity: proposal.severity };
    case "performance":
    case "estimated_performance": {
      const { metric, value, reference, gain, gainHigh } = proposal;
      return { metric, value, reference, gain, ...(gainHigh === undefined ? {} : { gain_high: gainHigh }) };
    }
    case "labels": {
      const { labelsTotal: total } = proposal;
      return { labels_total: total, labels_new: newLabels(total, labelsAtJob) };
    }
    case "schedule":
      return { due_at: utcText(proposal.dueMs) };
    case "manual":
      return proposal.reason === undefined ? {} : { reason: proposal.reason };
  }
}

/** What is no time is left for the request's check to name. */
function timeText(ms: number): string {
  return Number.isNaN(new Date(ms).getTime()) ? String(ms) : utcText(ms);
}

export function digestOf(evidence: readonly Evidence[]): string {
  return hash("sha256", JSON.stringify(evidence));
}

/** Of a text that the policy's schema has checked. */
export function policyMs(duration: string): number {
  return durationMs(duration) as number;
}

function byTime(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] - b[0] || a[1] - b[1];
}
