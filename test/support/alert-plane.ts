/**
 * One control plane's alerts for tests, on real servers that several share: a prefix and a model of its own.
 */
import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { pino } from "pino";
import type { AlertJson } from "../../engine/alerts/alert-json.ts";
import type { Observation } from "../../engine/alerts/observation.ts";
import { type RunningAlerts, startAlerts } from "../../engine/app-alerts.ts";
import { readConfig } from "../../engine/core/config.ts";
import { Metrics } from "../../engine/core/metrics.ts";
import type { AlertRow } from "../../storage/alert-history.ts";
import { type ClickHouse, openClickHouse } from "../../storage/clickhouse.ts";
import { openStreams, type StreamsConnection } from "../../streams/connection.ts";
import { Publisher } from "../../streams/publisher.ts";
import { createTopology, ensureStreams } from "../../streams/topology.ts";
import { observed, START } from "./alerts.ts";
import { PASSWORD } from "./clickhouse.ts";
import { eventually } from "./eventually.ts";

export const WAIT_MS = 20_000;
const PAUSE_MS = 20;
const logger = pino({ level: "silent" });
let prefixes = 0;

/** Of the plane's model unless it names one. */
type Seen = Omit<Observation, "model"> & { readonly model?: string };

export interface Servers {
  readonly nats: { readonly url: string };
  readonly clickhouse: { readonly url: string };
}

export class AlertPlane {
  readonly prefix: string;
  /** Of its own: all planes share the tables. */
  readonly model: string;
  readonly metrics = new Metrics();
  readonly #servers: Servers;
  readonly #env: Readonly<Record<string, string>>;
  #connection: StreamsConnection | undefined;
  #publisher: Publisher | undefined;
  #clickhouse: ClickHouse | undefined;
  #alerts: RunningAlerts | undefined;
  /** In front of ClickHouse; "" for the real one. */
  clickhouseUrl = "";

  constructor(servers: Servers, env: Readonly<Record<string, string>> = {}, prefix = `alerts${++prefixes}`) {
    this.#servers = servers;
    this.prefix = prefix;
    this.model = `fraud-${this.prefix}`;
    this.#env = {
      MILLRACE_PREFIX: this.prefix,
      MILLRACE_ALERT_ATTEMPTS_MAX: "4",
      MILLRACE_STREAM_BYTES_MAX: String(4 * 1024 * 1024),
      ...env,
    };
  }

  get alerts(): RunningAlerts {
    assert.ok(this.#alerts, "the plane is not started");
    return this.#alerts;
  }

  async start(): Promise<this> {
    const config = readConfig(this.#env);
    const connection = await openStreams(this.#servers.nats.url, "test", logger);
    const topology = createTopology(this.prefix);
    await ensureStreams(await jetstreamManager(connection.nats), topology, config.streamBytesMax);
    const publisher = new Publisher(connection.nats);
    const url = new URL(this.clickhouseUrl === "" ? this.#servers.clickhouse.url : this.clickhouseUrl);
    url.username = "millrace";
    url.password = PASSWORD;
    const client = openClickHouse(url.href);
    const { metrics } = this;
    const parts = { config, nats: connection.nats, publisher, topology, clickhouse: client, metrics, logger };
    this.#alerts = await startAlerts({ ...parts, pauseMs: PAUSE_MS });
    this.#connection = connection;
    this.#publisher = publisher;
    this.#clickhouse = client;
    return this;
  }

  /** As kill -9 does: the connection is gone, whatever was under way. */
  async kill(): Promise<void> {
    void this.#alerts?.stop(); // it can do nothing any more
    await this.#close();
  }

  async stop(): Promise<void> {
    await this.#alerts?.stop();
    await this.#close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #close(): Promise<void> {
    this.#alerts = undefined;
    this.#publisher?.close();
    await this.#connection?.nats.close();
    await this.#clickhouse?.close();
  }

  async observe(...observations: Seen[]): Promise<string[]> {
    const own = observations.map((one) => ({ model: this.model, ...one }));
    const changes = await this.alerts.desk.observe(own, START);
    return changes.map(({ change }) => change);
  }

  async only(): Promise<AlertJson> {
    const [alert, ...more] = await this.alerts.desk.list({ model: this.model });
    assert.ok(alert !== undefined && more.length === 0);
    return alert;
  }

  /** Rows of the only alert, once `count` are stored. */
  async rows(count: number): Promise<AlertRow[]> {
    const { alert_id: id } = await this.only();
    return eventually(
      `${count} rows of the history`,
      async () => {
        const rows = await this.alerts.desk.changes(id);
        return rows.length >= count ? [...rows] : undefined;
      },
      WAIT_MS,
    );
  }
}

/** Of the plane's model unless it names one. */
export const slow = (n: number, value: number, part: Partial<Observation> = {}): Seen => {
  const { model: _model, ...rest } = observed(n, value);
  return { ...rest, ...part };
};
/** Alerts above 100 ms. */
export const RULE = {
  name: "slow",
  metric: "latency.p99_ms",
  condition: { op: ">", threshold: 100 },
  cooldown: "1s",
};
