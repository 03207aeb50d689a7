/**
 * What a data plane needs to answer about references, labels, drift, alerts and retraining.
 */
import type { ClickHouse } from "../storage/clickhouse.ts";
import { openJobStore } from "../storage/job-store.ts";
import { type LabelsQuestion, readLabelCounts } from "../storage/label-counts.ts";
import type { ModelRegistry } from "../storage/model-registry.ts";
import { TrainingHistory } from "../storage/training-history.ts";
import { openTrainingStore } from "../storage/training-store.ts";
import { openAlerts } from "./app-alerts.ts";
import type { HttpOptions } from "./app-http.ts";
import type { IngestParts } from "./app-ingest.ts";
import { openMonitoring } from "./app-monitoring-routes.ts";
import { openReferences } from "./app-references.ts";
import { openTriggers } from "./app-triggers.ts";
import type { Config } from "./core/config.ts";
import type { Logger } from "./core/log.ts";
import type { Metrics } from "./core/metrics.ts";
import { LabelPublisher, type LabelPublisherOptions } from "./labels/label-publisher.ts";
import type { ServiceUrls } from "./service-urls.ts";
import { TrainingJobs } from "./train/training-jobs.ts";

export interface WatchingOptions {
  readonly config: Config;
  readonly urls: ServiceUrls;
  readonly parts: IngestParts;
  readonly registry: ModelRegistry;
  readonly clickhouse: ClickHouse;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export type Watching = Pick<
  HttpOptions,
  "references" | "triggers" | "training" | "alerts" | "monitoring" | "labels"
>;

/** @throws EngineError SERVICE_UNAVAILABLE when a bucket cannot be opened. */
export async function openWatching({ urls, parts, ...options }: WatchingOptions): Promise<Watching> {
  const { config, registry, clickhouse } = options;
  const { nats } = parts;
  const references = await openReferences(config, urls, nats);
  const triggers = await openTriggers({ ...parts, ...options });
  return {
    references,
    triggers,
    training: new TrainingJobs({
      triggers,
      jobs: await openJobStore(nats, { prefix: config.prefix }),
      documents: await openTrainingStore(nats, { prefix: config.prefix }),
      history: new TrainingHistory(clickhouse, config.database),
    }),
    alerts: await openAlerts({ ...parts, ...options }),
    monitoring: await openMonitoring({ config, nats, clickhouse, registry, references }),
    labels: createLabels(options, parts),
  };
}

function createLabels(
  { config, registry, clickhouse }: Pick<WatchingOptions, "config" | "registry" | "clickhouse">,
  { publisher, topology }: IngestParts,
): HttpOptions["labels"] {
  const publish: LabelPublisherOptions["publish"] = async (model, messages) => {
    const subject = topology.labelsSubject(model);
    const group = messages.map((message) => ({ subject, ...message }));
    await publisher.publishAll(group, { timeoutMs: config.logTimeoutMs });
  };
  return {
    publisher: new LabelPublisher({ publish }),
    checkModel: async (name) => registry.stateOf(name),
    readCounts: async (question: LabelsQuestion) => readLabelCounts(clickhouse, config.database, question),
  };
}
