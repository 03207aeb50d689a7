/**
 * Builds what alerts need: the desk, the rules, the channels, and for the control plane the outbox that works.
 *
 * The table `alerts` is made by the migrations; until it is there, the rows wait in the records.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { AlertHistory } from "../storage/alert-history.ts";
import type { ClickHouse } from "../storage/clickhouse.ts";
import { openDocumentBucket } from "../storage/document-bucket.ts";
import type { Publisher } from "../streams/publisher.ts";
import type { Topology } from "../streams/topology.ts";
import { builtInRules } from "./alerts/alert-built-in.ts";
import { type Channel, PAUSE_MS } from "./alerts/alert-delivery.ts";
import { AlertDesk } from "./alerts/alert-desk.ts";
import { AlertOutbox } from "./alerts/alert-outbox.ts";
import { AlertRules } from "./alerts/alert-rules.ts";
import { createEventChannel } from "./alerts/event-channel.ts";
import { createWebhookChannel } from "./alerts/webhook-channel.ts";
import type { Config } from "./core/config.ts";
import { EngineError } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import type { Metrics } from "./core/metrics.ts";

export interface AlertParts {
  readonly config: Config;
  readonly nats: NatsConnection;
  readonly publisher: Pick<Publisher, "publish">;
  readonly topology: Topology;
  readonly clickhouse: ClickHouse;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Pause after the first failed delivery, ms. */
  readonly pauseMs?: number;
}

/** What the API asks. */
export interface Alerts {
  readonly desk: AlertDesk;
  readonly rules: AlertRules;
  readonly channels: readonly Channel[];
}

/** What the monitor tells. */
export interface RunningAlerts extends Alerts {
  /** Ends what is under way; all else is done after the next start. */
  stop(): Promise<void>;
}

/**
 * Channels that the settings name, and NATS.
 * @throws EngineError INVALID_REQUEST when e-mail lacks a sender or a receiver.
 */
export async function createChannels({
  config,
  publisher,
  topology,
}: Pick<AlertParts, "config" | "publisher" | "topology">): Promise<Channel[]> {
  const { alertWebhookUrl: url, alertWebhookSecret: secret, alertTimeoutMs: timeoutMs, smtpUrl } = config;
  const channels = [createEventChannel({ publisher, topology, timeoutMs })];
  if (url !== undefined) channels.push(createWebhookChannel({ url, secret, timeoutMs }));
  if (smtpUrl === undefined) return channels;
  const from = needed("MILLRACE_ALERT_EMAIL_FROM", config.alertEmailFrom);
  const to = needed("MILLRACE_ALERT_EMAIL_TO", config.alertEmailTo);
  const { createEmailChannel } = await import("./alerts/email-channel.ts"); // its library, for whom it is of use
  return [...channels, createEmailChannel({ smtpUrl, from, to, timeoutMs })];
}

/** For a data plane: reads and changes, and leaves the work to the control plane. @throws EngineError SERVICE_UNAVAILABLE */
export async function openAlerts(parts: AlertParts): Promise<Alerts> {
  return build(parts, await createChannels(parts), () => undefined);
}

/** For the control plane: starts to work off what is due. @throws EngineError SERVICE_UNAVAILABLE */
export async function startAlerts(parts: AlertParts): Promise<RunningAlerts> {
  const { config, metrics, logger, pauseMs = PAUSE_MS } = parts;
  const channels = await createChannels(parts);
  const outbox = new AlertOutbox({
    groups: await openDocumentBucket(parts.nats, `${config.prefix}_alerts`),
    history: new AlertHistory(parts.clickhouse, config.database),
    channels,
    limits: { attemptsMax: config.alertAttemptsMax, timeoutMs: config.alertTimeoutMs, pauseMs },
    metrics,
    logger: logger.child({ component: "alerts" }),
  });
  const alerts = await build(parts, channels, () => outbox.wake());
  const stopping = new AbortController();
  const running = outbox.run(stopping.signal);
  return {
    ...alerts,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function build(
  { config, nats, clickhouse, metrics, logger }: AlertParts,
  channels: readonly Channel[],
  onWork: () => void,
): Promise<Alerts> {
  const log = logger.child({ component: "alerts" });
  const builtIn = builtInRules({
    latencyP99Ms: config.alertLatencyP99Ms,
    errorRate: config.alertErrorRate,
    performanceDrop: config.alertPerformanceDrop,
  });
  const rules = new AlertRules({
    bucket: await openDocumentBucket(nats, `${config.prefix}_alert_rules`),
    builtIn,
    logger: log,
  });
  const desk = new AlertDesk({
    rules,
    groups: await openDocumentBucket(nats, `${config.prefix}_alerts`),
    history: new AlertHistory(clickhouse, config.database),
    channels: channels.map(({ name }) => name),
    metrics,
    logger: log,
    onWork,
  });
  return { desk, rules, channels };
}

function needed(variable: string, value: string | undefined): string {
  if (value !== undefined) return value;
  const details = [{ field: variable, message: "is needed by MILLRACE_SMTP_URL" }];
  throw new EngineError("INVALID_REQUEST", `${variable} is needed by MILLRACE_SMTP_URL`, { details });
}
