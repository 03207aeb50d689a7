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
