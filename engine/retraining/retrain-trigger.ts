/**
 * The decision on a round of proposals for one model: one job, or none and why. Pure, so two monitors decide alike.
 *
 *     weighed (disabled, below_threshold) → new (duplicate) → free (in_flight) → sound data (vetoed)
 *       → automatic: jobs left today (budget) → a finding: rested (cooldown) → request
 *
 * All that is new in a round becomes evidence of the one job, and is known from then on by its key. What was refused is not: it is
 * a reason again as soon as nothing holds it back. People are held back by a job in flight and by bad data only.
 */
import { type JobRecord, jobInFlight, type Refusal, withExpiry } from "../core/retrain-job.ts";
import {
  EVIDENCE_MAX,
  type Evidence,
  parseRetrainRequest,
  type RetrainRequest,
  utcDay,
  utcText,
} from "../core/retrain-request.ts";
import type { RetrainPolicy } from "./retrain-policy.ts";
import { byWeight, keyOf, type Proposal, policyMs, toEvidence, weigh } from "./retrain-proposal.ts";

export interface Situation {
  readonly model: string;
  readonly policy: RetrainPolicy;
  readonly record: JobRecord;
  readonly proposals: readonly Proposal[];
  readonly nowMs: number;
  /** Id of a job that a person asks for. */
  readonly manualJobId: string;
}

export interface Requested {
  readonly outcome: "requested";
  readonly request: RetrainRequest;
  /** Of all findings behind it. */
  readonly keys: readonly string[];
}

export interface Refused {
  readonly outcome: Refusal;
  /** For people. */
  readonly reason: string;
  readonly evidence: readonly Evidence[];
}

export type Decision = Requested | Refused | { readonly outcome: "nothing_proposed" };

interface Weighed {
  readonly proposal: Proposal;
  readonly key: string;
}

/** @throws EngineError INVALID_REQUEST when the evidence fits into no message, naming the field. */
export function decide(situation: Situation): Decision {
  const { model, policy, record, proposals, nowMs, manualJobId } = situation;
  if (proposals.length === 0) return { outcome: "nothing_proposed" };
  const labelsAtJob = record.labels_at_job;
  const evidenceOf = (some: readonly Proposal[]): Evidence[] =>
    some.slice(0, EVIDENCE_MAX).map((one) => toEvidence(one, labelsAtJob));
  const verdicts = proposals.map((proposal) => weigh(policy, proposal, labelsAtJob));
  const enough: Weighed[] = proposals
    .filter((_, index) => verdicts[index] === "enough")
    .map((proposal) => ({
      proposal,
      key: proposal.cause === "manual" ? manualJobId : keyOf(model, proposal, labelsAtJob),
    }));
  if (enough.length === 0) {
    const isOff = verdicts.every((verdict) => verdict === "disabled");
    const [outcome, reason] = isOff
      ? (["disabled", "the policy takes none of these causes"] as const)
      : (["below_threshold", "no finding reaches the policy's threshold"] as const);
    return { outcome, reason, evidence: evidenceOf(proposals) };
  }
  const fresh = enough.filter(({ key }) => !record.decided.includes(key)).sort(byWeight);
  const [first] = fresh;
  if (first === undefined)
    return {
      outcome: "duplicate",
      reason: "a job was requested for these findings already",
      evidence: evidenceOf(enough.map(({ proposal }) => proposal)),
    };
  const findings = fresh.map(({ proposal }) => proposal);
  const request = parseRetrainRequest({
    job_id: first.key,
    model_name: model,
    requested_at: utcText(nowMs),
    cause: first.proposal.cause,
    evidence: evidenceOf(findings),
    deadline: utcText(nowMs + policyMs(policy.job_deadline)),
    requested_by: first.proposal.cause === "manual" ? first.proposal.requestedBy : "monitor",
    ...(first.proposal.cause === "manual" && first.proposal.training !== undefined
      ? { training: first.proposal.training }
      : {}),
  });
  const refusal = refusalOf(situation, findings);
  if (refusal !== undefined) return { ...refusal, evidence: request.evidence }; // within its bounds, as it is kept
  return { outcome: "requested", request, keys: [...new Set(fresh.map(({ key }) => key))] };
}

/** What holds back these findings, if anything does. */
function refusalOf(
  { policy, record, nowMs }: Situation,
  findings: readonly Proposal[],
): { readonly outcome: Refusal; readonly reason: string } | undefined {
  const job = jobInFlight(record, nowMs);
  if (job !== undefined) {
    const reason = `job ${job.job_id} is ${job.state} until ${job.deadline} at the latest`;
    return { outcome: "in_flight", reason };
  }
  const incidents = record.quality_incidents;
  if (policy.data_quality_veto && incidents.length > 0) {
    const ids = incidents.map(({ incident_id }) => incident_id).join(", ");
    return { outcome: "vetoed", reason: `data-quality incidents are open: ${ids}` };
  }
  const has = (...causes: readonly Proposal["cause"][]): boolean =>
    findings.some(({ cause }) => causes.includes(cause));
  if (has("manual")) return undefined;
  if (jobsOn(record, nowMs) >= policy.jobs_per_day_max)
    return { outcome: "budget", reason: `${policy.jobs_per_day_max} jobs were requested today, UTC` };
  if (has("schedule")) return undefined;
  const endMs = lastEndMs(record, nowMs);
  const restedMs = endMs + policyMs(policy.cooldown);
  if (nowMs < restedMs) return { outcome: "cooldown", reason: `until ${utcText(restedMs)}` };
  return undefined;
}

/** End of the newest job, ms; -Infinity if there was none. */
function lastEndMs(record: JobRecord, nowMs: number): number {
  const end = withExpiry(record, nowMs).last_ended?.ended_at;
  return end === undefined ? -Infinity : Date.parse(end);
}

export function jobsOn({ day }: JobRecord, nowMs: number): number {
  return day.date === utcDay(nowMs) ? day.jobs : 0;
}
