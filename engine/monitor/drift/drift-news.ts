/**
 * What others are told of a judged window: events of what its incidents changed, observations for alert rules, and proposals
 * to retrain. All of it may be told again: ids follow from incidents and windows.
 */

import { type Observation, type ObservedMetric, observeIncidents } from "../../alerts/observation.ts";
import type { OpenIncident, Proposal } from "../../retraining/retrain-proposal.ts";
import { evidenceName } from "./column-name.ts";
import type { IncidentJson } from "./drift-answer.ts";
import type { JudgedWindow } from "./drift-monitor.ts";
import type { ReportRow } from "./drift-report.ts";
import type { Incident, IncidentChange, IncidentState } from "./incident.ts";

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

/** The measures of each column, the rows, and what became of incidents. */
export function toObservations({ changes, state, startMs, endMs, report }: JudgedWindow): Observation[] {
  const { model, version, variant } = state;
  const common = {
    model,
    version,
    variant: variant ?? "",
    windowStart: startMs,
    windowEnd: endMs,
  };
  const incidents = observeIncidents(
    changes.map((news) => ({
      ...news,
      incident: { ...news.incident, variant: news.incident.variant ?? "" },
    })),
  );
  return [
    ...incidents,
    ...report.flatMap((row): Observation[] => {
      if (row.role === "window") return [{ ...common, metric: "volume.rows", value: row.rows }];
      const column = evidenceName({ role: row.role, name: row.feature });
      return measuresOf(row).map(([metric, value]) => ({ ...common, metric, column, value }));
    }),
  ];
}

/** Those that the column has. */
function measuresOf(row: ReportRow): [ObservedMetric, number][] {
  const all: [ObservedMetric, number | null | undefined][] = [
    ["drift.psi", row.psi_corrected],
    ["drift.ks", row.ks_low],
    ["drift.jensen_shannon", row.jensen_shannon],
    ["drift.kl", row.kl],
    ["drift.wasserstein", row.wasserstein],
    ["drift.chi_square", row.chi_square],
    ["data_quality.null_rate", row.null_rate],
    ["data_quality.unseen_rate", row.unseen_rate],
  ];
  return all.flatMap(([metric, value]) => (typeof value === "number" ? [[metric, value]] : []));
}

export function toOpenIncident({ id, cause, severity, openedMs }: Incident): OpenIncident {
  return { id, cause, severity, openedMs };
}

/** Broken values that are no incident yet: they hold back retraining from their first window on. */
export function toPendingIncident({ model, version, variant, latest }: IncidentState): OpenIncident {
  const id = `pending:${model}:${version}:${variant ?? ""}`;
  return { id, cause: "data_quality", severity: "critical", openedMs: latest?.endMs ?? 0 };
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
