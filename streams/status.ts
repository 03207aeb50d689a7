/**
 * What the control plane tells the data planes about itself, once a second, over core NATS: lost messages do not
 * matter, the next one comes.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import type { Topology } from "./topology.ts";

export interface SinkStatus {
  /** Log messages that are not in ClickHouse yet. */
  readonly lagMessages: number;
  /** Rows stored since the control plane started. */
  readonly rows: number;
  /** Rows left out because they were stored before. */
  readonly repeats: number;
}

function subjectOf(topology: Topology): string {
  return `${topology.prefix}.status.sink`;
}

export function publishSinkStatus(nats: NatsConnection, topology: Topology, status: SinkStatus): void {
  nats.publish(subjectOf(topology), JSON.stringify(status));
}

/** Calls `onStatus` with each status until the connection closes. */
export function followSinkStatus(
  nats: NatsConnection,
  topology: Topology,
  onStatus: (status: SinkStatus) => void,
): void {
  nats.subscribe(subjectOf(topology), {
    callback: (error, message) => {
      if (error === null) onStatus(message.json<SinkStatus>());
    },
  });
}
