/**
 * What a data plane answers about how models do: built over the tables and the buckets, not over the monitor, which runs
 * elsewhere.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import type { ClickHouse } from "../storage/clickhouse.ts";
import { CountStore } from "../storage/count-store.ts";
import { openDocumentBucket } from "../storage/document-bucket.ts";
import { DriftReportStore } from "../storage/drift-report-store.ts";
import type { ModelRegistry } from "../storage/model-registry.ts";
import { PerformanceStore } from "../storage/performance-store.ts";
import { requestErrorCounter } from "../storage/traffic-report.ts";
import type { FoundVersion, MonitoringRoutesOptions } from "./api/monitoring-routes.ts";
import { newestReports } from "./api/performance-routes.ts";
import type { References } from "./app-references.ts";
import type { Config } from "./core/config.ts";
import { EngineError } from "./core/errors.ts";
import { PRODUCTION } from "./core/version-state.ts";

import { incidentsJson } from "./monitor/drift/drift-news.ts";
import { REFUSAL_CODES } from "./monitor/drift/window-series.ts";
import { toWatchedVersion } from "./monitor/references/watched-version.ts";

/** What the overview looks back on for the newest windows. */
const PERFORMANCE_MS = 35 * 86_400_000;
const REPORT_ROWS_MAX = 20_000;

export interface MonitoringParts {
  readonly config: Config;
  readonly nats: NatsConnection;
  readonly clickhouse: ClickHouse;
  readonly registry: ModelRegistry;
  readonly references: Pick<References, "store" | "measure">;
}

/** @throws EngineError SERVICE_UNAVAILABLE when the bucket of settings cannot be opened. */
export async function openMonitoring({
  config,
  nats,
  clickhouse,
  registry,
  references,
}: MonitoringParts): Promise<MonitoringRoutesOptions> {
  const counts = new CountStore(clickhouse, config.database);
  const reports = new DriftReportStore(clickhouse, config.database);
  const performance = new PerformanceStore(clickhouse, config.database);
  const settings = await openDocumentBucket(nats, `${config.prefix}_monitors`);
  return {
    sum: async (version, spans) => counts.sum(version, spans),
    refused: requestErrorCounter(clickhouse, config.database, REFUSAL_CODES),
    settingsOf: async (model) => settings.get(model),
    putSettings: async (model, write) => settings.change(model, () => ({ write, result: undefined })),
    findWatched: async (model, version) => findWatched(registry, references.store, model, version),
    measureExactly: references.measure,
    checkModel: async (model) => registry.stateOf(model),
    sections: {
      drift: async (model) =>
        (await reports.overview(model)).map(({ state, ...row }) => ({
          ...row,
          incidents: incidentsJson(state),
        })),
      performance: async (model) => {
        const toMs = Date.now();
        const question = { model, fromMs: toMs - PERFORMANCE_MS, toMs, slice: "", rowsMax: REPORT_ROWS_MAX };
        return newestReports(await performance.read(question));
      },
      error_detectors: async (model) => performance.latestErrors(model),
    },
    clock: () => Date.now(),
  };
}

async function findWatched(
  registry: ModelRegistry,
  references: References["store"],
  model: string,
  version: string | undefined,
): Promise<FoundVersion> {
  const { manifest } = await registry.resolve(model, version ?? PRODUCTION);
  const found = await references.get({ name: model, version: manifest.version });
  if (found !== undefined) {
    const { reference_id: referenceId, source } = found.record;
    return { watched: toWatchedVersion(manifest, referenceId, found.body), manifest, source };
  }
  throw new EngineError(
    "CONFLICT",
    `version ${manifest.version} of ${model} has no reference to compare with; make one: millrace reference create ${model} --version ${manifest.version} --file train.csv`,
  );
}
