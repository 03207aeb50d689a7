/**
 * Builds what serves `/ws` in a data plane, and what its subscribers are fed from.
 */
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import { startStreamWatch } from "../streams/stream-watch.ts";
import type { Topology } from "../streams/topology.ts";
import { createSenderCheck } from "./api/sender-check.ts";
import { WebSocketServer } from "./api/ws-server.ts";
import type { Config } from "./core/config.ts";
import type { Logger } from "./core/log.ts";
import type { Metrics } from "./core/metrics.ts";
import type { Predictor } from "./predict.ts";
import { VERSION } from "./version.ts";
import { Subscriptions, type WatchStream } from "./ws/subscriptions.ts";

export interface WebSocketParts {
  readonly config: Config;
  readonly streams: {
    readonly client: JetStreamClient;
    readonly manager: JetStreamManager;
    readonly topology: Topology;
  };
  readonly core: { readonly predictor: Predictor; readonly metrics: Metrics };
  /** @throws EngineError MODEL_NOT_FOUND. */
  readonly checkModel: (name: string) => Promise<unknown>;
  readonly logger: Logger;
}

export function createWebSocketServer({
  config,
  streams: { client, manager, topology },
  core: { predictor, metrics },
  checkModel,
  logger: parent,
}: WebSocketParts): WebSocketServer {
  const logger = parent.child({ component: "ws" });
  const watchOf =
    (stream: string): WatchStream =>
    async (onMessage) =>
      startStreamWatch({ client, manager, stream, onMessage, logger });
  const { logStream, eventsStream } = topology;
  const watches = { watchLog: watchOf(logStream), watchEvents: watchOf(eventsStream) };
  return new WebSocketServer({
    predictor,
    subscriptions: new Subscriptions({ ...watches, logger }),
    checkModel,
    checkSender: createSenderCheck(config.httpHost, config.httpNames?.split(",") ?? []),
    limits: {
      inFlightMax: config.wsInFlightMax,
      bufferedBytesMax: config.wsBufferedBytesMax,
      messageBytesMax: config.bodyBytesMax,
      timeoutMs: config.timeoutMs,
    },
    connectionsMax: config.wsConnectionsMax,
    version: VERSION,
    metrics,
  });
}
