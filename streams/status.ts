/**
 * What the control plane tells the data planes about itself, once a second, over core NATS: lost messages do not
 * matter, the next one comes.
 */
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import type { Topology } from "./topology.ts";

export interface SinkStatus {
  /** Log messages that are not in ClickHouse yet. */
  readonly lagMessages: number;
  /** Rows stored since the control plane started. */
  readonly rows: number;
  /** Rows left out because they were stored before. */
  readonly repeats: number;
}

/** How far the ingester of a shared feature store has come. */
export interface IngestStatus {
  /** Events of the stream that are not in the states yet. */
  readonly lagEvents: number;
  /** Since the control plane started: new events, those that came again, too late for every window, or were put aside. */
  readonly events: number;
  readonly duplicates: number;
  readonly tooLate: number;
  readonly rejected: number;
  /** Columns and fields that are not filled from history yet, and the backfill that fills them. */
  readonly missing: number;
  readonly backfill?:
    | {
        readonly entityType: string;
        readonly entities: number;
        readonly rows: number;
        readonly rowsTotal: number;
      }
    | undefined;
  /** The last order to fill all anew, and the last that was carried out; 0 for none since the start. */
  readonly ordered: number;
  readonly filled: number;
}

function ingestSubjectOf(topology: Topology): string {
  return `${topology.prefix}.status.ingest`;
}

export function publishIngestStatus(nats: NatsConnection, topology: Topology, status: IngestStatus): void {
  nats.publish(ingestSubjectOf(topology), JSON.stringify(status));
}

/** Calls `onStatus` with each status until the connection closes. */
export function followIngestStatus(
  nats: NatsConnection,
  topology: Topology,
  onStatus: (status: IngestStatus) => void,
): void {
  follow(nats, ingestSubjectOf(topology), (message) => onStatus(message.json<IngestStatus>()));
}

/** A value that a control plane measured, for the metrics of the data planes. */
export interface StatusGauge {
  readonly name: string;
  readonly help: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** All gauges of one part of the monitor: those that are not in the next status of the same source are over. */
export interface MonitorStatus {
  readonly source: string;
  readonly gauges: readonly StatusGauge[];
}

/** Some 300 bytes each, so that they fit into one message. */
const GAUGES_MAX = 2_000;

function monitorSubjectOf(topology: Topology): string {
  return `${topology.prefix}.status.monitor`;
}

/** The first GAUGES_MAX gauges. */
export function publishMonitorStatus(nats: NatsConnection, topology: Topology, status: MonitorStatus): void {
  const gauges = status.gauges.slice(0, GAUGES_MAX);
  nats.publish(monitorSubjectOf(topology), JSON.stringify({ ...status, gauges }));
}

/** Calls `onStatus` with each status until the connection closes. */
export function followMonitorStatus(
  nats: NatsConnection,
  topology: Topology,
  onStatus: (status: MonitorStatus) => void,
): void {
  follow(nats, monitorSubjectOf(topology), (message) => onStatus(message.json<MonitorStatus>()));
}

function sinkSubjectOf(topology: Topology): string {
  return `${topology.prefix}.status.sink`;
}

export function publishSinkStatus(nats: NatsConnection, topology: Topology, status: SinkStatus): void {
  nats.publish(sinkSubjectOf(topology), JSON.stringify(status));
}

/** Calls `onStatus` with each status until the connection closes. */
export function followSinkStatus(
  nats: NatsConnection,
  topology: Topology,
  onStatus: (status: SinkStatus) => void,
): void {
  follow(nats, sinkSubjectOf(topology), (message) => onStatus(message.json<SinkStatus>()));
}

function follow(nats: NatsConnection, subject: string, onMessage: (message: Msg) => void): void {
  nats.subscribe(subject, {
    callback: (error, message) => {
      if (error === null) onMessage(message);
    },
  });
}
