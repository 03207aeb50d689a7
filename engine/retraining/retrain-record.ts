/**
 * What a decision leaves in the model's record: the job with its message, who was told what, and what is known from then on.
 *
 * Pure; the job store writes the result by compare-and-set. What is to be published waits in the record, see job-outbox.
 */
import { EngineError } from "../core/errors.ts";
import {
  DECIDED_MAX,
  DECISIONS_MAX,
  EVENTS_MAX,
  type JobRecord,
  jobInFlight,
  type OutgoingEvent,
  QUALITY_INCIDENTS_MAX,
  type QualityIncident,
  REFUSALS_MAX,
  type RetrainJob,
  withExpiry,
} from "../core/retrain-job.ts";
import { utcDay, utcText } from "../core/retrain-request.ts";
import { digestOf, type OpenIncident, type Proposal } from "./retrain-proposal.ts";
import { type Decision, jobsOn, type Refused, type Requested } from "./retrain-trigger.ts";

/** The record with what a round says beside its findings: open data-quality incidents, and the labels there are if that was not known. */
export function withObserved(
  record: JobRecord,
  proposals: readonly Proposal[],
  incidents: readonly OpenIncident[],
): JobRecord {
  const quality_incidents = vetoing(incidents);
  const labels_at_job = record.labels_at_job ?? labelsIn(proposals);
  const isSame =
    labels_at_job === record.labels_at_job &&
    JSON.stringify(quality_incidents) === JSON.stringify(record.quality_incidents);
  return isSame ? record : { ...record, quality_incidents, labels_at_job };
}

/**
 * The record after the decision: what is requested waits there to be published; a refusal that people should know of is told once
 * until the next job is requested. The record itself when nothing changes.
 */
export function withDecision(
  record: JobRecord,
  model: string,
  decision: Decision,
  proposals: readonly Proposal[],
  nowMs: number,
): JobRecord {
  switch (decision.outcome) {
    case "requested":
      return withRequest(record, decision, proposals, nowMs);
    case "in_flight":
    case "vetoed":
    case "budget":
    case "cooldown":
      return withRefusal(record, model, decision, nowMs);
    case "nothing_proposed":
    case "disabled":
    case "below_threshold":
    case "duplicate":
      return record;
  }
}

function withRequest(
  before: JobRecord,
  { request, keys }: Requested,
  proposals: readonly Proposal[],
  nowMs: number,
): JobRecord {
  const record = withExpiry(before, nowMs);
  if (jobInFlight(record, nowMs) !== undefined)
    throw new EngineError("INTERNAL", "a second job in flight was about to be requested");
  const { job_id, cause, requested_at, deadline, requested_by, evidence } = request;
  const job: RetrainJob = {
    job_id,
    state: "requested",
    cause,
    requested_at,
    deadline,
    requested_by,
    evidence_digest: digestOf(evidence),
    unpublished: request,
    attempt: 0,
  };
  const decided = cause === "manual" ? record.decided : [...keys, ...record.decided];
  return {
    ...record,
    job,
    day: { date: utcDay(nowMs), jobs: jobsOn(record, nowMs) + 1 },
    decided: decided.slice(0, DECIDED_MAX),
    decisions: [
      { at: requested_at, outcome: "requested" as const, reason: `for ${cause}`, job_id, evidence },
      ...record.decisions,
    ].slice(0, DECISIONS_MAX),
    refusals: [],
    events: withEvent(record, { id: `${job_id}.requested`, kind: "retraining_requested", body: request }),
    labels_at_job: labelsIn(proposals),
  };
}

function withRefusal(
  record: JobRecord,
  model: string,
  { outcome, reason, evidence }: Refused,
  nowMs: number,
): JobRecord {
  const incidents = outcome === "vetoed" ? { incidents: record.quality_incidents } : {};
  const about = incidents.incidents?.map(({ incident_id }) => incident_id).join(" ");
  const told = [outcome, outcome === "budget" ? utcDay(nowMs) : (about ?? "")].join(" ").trim();
  if (record.refusals.includes(told)) return record;
  const entry = { at: utcText(nowMs), outcome, reason, evidence: [...evidence], ...incidents };
  const { at: refused_at, outcome: refusal, ...rest } = entry;
  return {
    ...record,
    decisions: [entry, ...record.decisions].slice(0, DECISIONS_MAX),
    refusals: [told, ...record.refusals].slice(0, REFUSALS_MAX),
    events: withEvent(record, {
      id: `${model}.${refusal}.${refused_at}`,
      kind: "retraining_refused",
      body: { model_name: model, refused_at, refusal, ...rest },
    }),
  };
}

function withEvent({ events }: JobRecord, event: OutgoingEvent): OutgoingEvent[] {
  return [...events, event].slice(-EVENTS_MAX);
}

/** Labels there are, by these proposals; null when none says. */
function labelsIn(proposals: readonly Proposal[]): number | null {
  const totals = proposals.flatMap((one) => (one.cause === "labels" ? [one.labelsTotal] : []));
  return totals.length === 0 ? null : Math.max(...totals);
}

/** The incidents that veto, oldest first, as they are kept. */
function vetoing(incidents: readonly OpenIncident[]): QualityIncident[] {
  return incidents
    .filter(({ cause }) => cause === "data_quality")
    .sort((a, b) => a.openedMs - b.openedMs || (a.id < b.id ? -1 : 1))
    .slice(0, QUALITY_INCIDENTS_MAX)
    .map(({ id, severity, openedMs }) => ({ incident_id: id, severity, opened_at: utcText(openedMs) }));
}
