/**
 * What others are told of a judged window: events of what its incidents changed, observations for alert rules, and proposals
 * to retrain. All of it may be told again: ids follow from incidents and windows.
 */
import type { IncidentJson } from "./drift-answer.ts";
import type { JudgedWindow } from "./drift-monitor.ts";
import type { Incident, IncidentChange, IncidentState } from "./incident.ts";
import type { OpenIncident, Proposal } from "./retrain-proposal.ts";
import { WHOLE_WINDOW } from "./window-verdict.ts";

export interface DriftEvent {
  readonly kind: "drift_detected" | "data_quality_detected" | "incident_closed";
  readonly id: string;
  readonly body: unknown;
}

/** One event a change of an incident. */
export function toEvents(changes: readonly IncidentChange[]): DriftEvent[] {
  return changes.map(({ change, atMs, incident, columns, reason }) => {
    const found = incident.cause === "drift" ? "drift_detected" : "data_quality_detected";
    return {
      kind: change === "closed" ? "incident_closed" : found,
      id: `${incident.id}:${change}:${atMs}`,
      body: { change, at: new Date(atMs).toISOString(), columns, reason, incident: incidentJson(incident) },
    };
  });
}

export function incidentJson({ id, model, version, variant, cause, ...incident }: Incident): IncidentJson {
  return {
    incident_id: id,
    model_name: model,
    model_version: version,
    variant,
    cause,
    severity: incident.severity,
    reference_id: incident.referenceId,
    first_window: new Date(incident.firstWindowMs).toISOString(),
    opened_at: new Date(incident.openedMs).toISOString(),
    columns: incident.columns.map(({ column, sinceMs, joinedMs, psiMax, problems }) => ({
      column,
      since: new Date(sinceMs).toISOString(),
      joined_at: new Date(joinedMs).toISOString(),
      psi_max: psiMax,
      problems,
    })),
  };
}

/** The incidents that are open in a state as `drift_reports` has it. */
export function incidentsJson(state: string): IncidentJson[] {
  const { causes } = JSON.parse(state) as IncidentState;
  return Object.values(causes).flatMap(({ incident }) => (incident === null ? [] : [incidentJson(incident)]));
}

/** Of one series in one window. */
export interface DriftObservation {
  readonly model: string;
  readonly version: string;
  readonly variant: string;
  readonly metric: "drift.psi" | "drift.incident" | "data_quality.incident" | "volume.rows";
  readonly column?: string;
  readonly value: number;
  readonly windowStart: number;
  readonly windowEnd: number;
  readonly about?: string;
}

/** PSI of each column that has one, whether there are incidents (0 none, 1 warning, 2 critical), and the rows. */
export function toObservations({ state, verdict, measured }: JudgedWindow): DriftObservation[] {
  if (verdict === undefined) return [];
  const { model, version, variant, startMs: windowStart, endMs: windowEnd } = verdict;
  const common = { model, version, variant: variant ?? "", windowStart, windowEnd };
  const rows = Math.max(0, ...(measured ?? []).map(({ measures }) => measures.rows));
  const levelOf = (incident: Incident | null): number =>
    incident === null ? 0 : incident.severity === "critical" ? 2 : 1;
  const { drift, data_quality: quality } = state.causes;
  return [
    { ...common, metric: "volume.rows", value: rows },
    { ...common, metric: "drift.incident", value: levelOf(drift.incident), about: aboutOf(drift.incident) },
    {
      ...common,
      metric: "data_quality.incident",
      value: levelOf(quality.incident),
      about: aboutOf(quality.incident),
    },
    ...verdict.columns.flatMap(({ column, psiCorrected }): DriftObservation[] =>
      column === WHOLE_WINDOW || psiCorrected === null
        ? []
        : [{ ...common, metric: "drift.psi", column, value: psiCorrected }],
    ),
  ];
}

function aboutOf(incident: Incident | null): string {
  return incident === null ? "" : incident.columns.map(({ column }) => column).join(", ");
}

export function toOpenIncident({ id, cause, severity, openedMs }: Incident): OpenIncident {
  return { id, cause, severity, openedMs };
}

/** The reasons to retrain that open incidents of drift are. */
export function toProposals(incidents: readonly Incident[]): Proposal[] {
  return incidents
    .filter(({ cause }) => cause === "drift")
    .map((incident) => ({
      cause: "drift",
      severity: incident.severity,
      numbers: Object.fromEntries(
        incident.columns
          .slice(0, 20)
          .flatMap(({ column, psiMax }) => (psiMax === null ? [] : [[`psi ${column}`, psiMax]])),
      ),
      windows: [{ fromMs: incident.firstWindowMs, toMs: incident.openedMs }],
      referenceId: incident.referenceId,
      incidentId: incident.id,
    }));
}
