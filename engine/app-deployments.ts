/**
 * Builds what a control plane does about deployments: tells of every change of the registry, and withdraws canaries whose inputs
 * have drifted.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import type { ClickHouse } from "../storage/clickhouse.ts";
import { DriftReportStore } from "../storage/drift-report-store.ts";
import { openModelRegistry } from "../storage/model-registry.ts";
import type { Publisher } from "../streams/publisher.ts";
import type { Topology } from "../streams/topology.ts";
import type { Config } from "./core/config.ts";
import type { CanaryRecord } from "./core/deployment.ts";
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import { tellChanges } from "./deployments/audit-outbox.ts";
import { withdrawDrifted } from "./deployments/canary-drift.ts";
import { ModelUpdates } from "./model-updates.ts";

const RETRY_MS = 2_000;
const DRIFT_MS = 5_000;

export interface DeploymentsParts {
  readonly config: Config;
  readonly nats: NatsConnection;
  readonly publisher: Publisher;
  readonly topology: Topology;
  readonly clickhouse: ClickHouse;
  readonly logger: Logger;
}

export interface RunningDeployments {
  /** Waits for what is under way. The connections are the caller's. */
  stop(): Promise<void>;
}

/** @throws EngineError SERVICE_UNAVAILABLE when the registry cannot be opened. */
export async function startDeployments({
  config,
  nats,
  publisher,
  topology,
  clickhouse,
  ...parts
}: DeploymentsParts): Promise<RunningDeployments> {
  const logger = parts.logger.child({ component: "deployments" });
  const registry = await openModelRegistry(nats, { prefix: config.prefix });
  const reports = new DriftReportStore(clickhouse, config.database);
  const canaries = new Map<string, CanaryRecord>();
  const telling = new ModelUpdates(
    async (model) => tellChanges(model, { untold: registry.untold, publisher, topology }),
    logger,
  );
  const drift = new ModelUpdates(async (model) => {
    const canary = canaries.get(model);
    if (canary !== undefined) await withdrawDrifted(model, canary, { reports, registry, logger });
  }, logger);
  const failed = (error: unknown): void =>
    logger.warn({ err: messageOf(error) }, "deployments cannot be followed, trying again");
  const changes = await registry.untold.watch(({ name }) => telling.changed(name), failed);
  const watch = await registry.watch(({ name, canary }) => {
    if (canary === undefined) canaries.delete(name);
    else canaries.set(name, canary);
  }, failed);
  const timers = [
    setInterval(() => telling.run(), RETRY_MS),
    setInterval(() => {
      for (const model of canaries.keys()) drift.changed(model);
    }, DRIFT_MS),
  ];
  return {
    stop: async () => {
      for (const timer of timers) clearInterval(timer);
      await Promise.all([changes.stop(), watch.stop()]);
      await Promise.all([telling.stop(), drift.stop()]);
    },
  };
}
