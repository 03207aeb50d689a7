/**
 * Withdraws a canary that the monitor has found something about: a critical incident of drift, or one of data quality, open in what
 * the canary was asked or has answered since it started.
 */
import type { DriftReportStore } from "../../storage/drift-report-store.ts";
import type { ModelRegistry } from "../../storage/model-registry.ts";
import type { CanaryRecord } from "../core/deployment.ts";
import type { Logger } from "../core/log.ts";
import { CANARY } from "../core/version-state.ts";
import { incidentsJson } from "../monitor/drift/drift-news.ts";

export interface CanaryDriftOptions {
  readonly reports: Pick<DriftReportStore, "latest">;
  readonly registry: Pick<ModelRegistry, "withdrawCanary">;
  readonly logger: Logger;
}

/** @throws EngineError SERVICE_UNAVAILABLE when reports or registry cannot be had; it is asked again then. */
export async function withdrawDrifted(
  model: string,
  canary: CanaryRecord,
  { reports, registry, logger }: CanaryDriftOptions,
): Promise<void> {
  const latest = await reports.latest(model, canary.version);
  const report = latest.find(({ variant }) => variant === CANARY);
  if (report === undefined) return;
  const incident = incidentsJson(report.state).find(
    ({ cause, severity, opened_at }) =>
      opened_at > canary.started_at && (cause === "data_quality" || severity === "critical"),
  );
  if (incident === undefined) return;
  const { incident_id, cause, columns } = incident;
  const reason = `${cause} incident in ${columns.map(({ column }) => column).join(", ")}`.slice(0, 500);
  await registry.withdrawCanary(model, canary, { incident_id, cause }, { requestedBy: "monitor", reason });
  logger.warn({ model, version: canary.version, reason }, "canary rolled back");
}
