/**
 * The connection to NATS: one per process, reconnecting for ever.
 *
 * `noAsyncTraces` saves an Error object per request. While the server is away the client keeps what is published, drops
 * it at each attempt to connect, and sends what came after the last one: so nothing counts as sent until it is
 * acknowledged. Who needs an acknowledgement publishes again until it comes or the time is up, and holds the bound.
 */
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { EngineError, messageOf } from "../engine/core/errors.ts";
import { type Logger, withoutCredentials } from "../engine/core/log.ts";

export interface StreamsConnection {
  readonly nats: NatsConnection;
  /** False while the client is trying to reconnect. */
  isConnected(): boolean;
  /**
   * How often the connection was lost so far. Messages sent before a loss and not acknowledged may never have
   * arrived, even if later ones did.
   */
  interruptions(): number;
  /** Flushes what is under way and closes. */
  close(): Promise<void>;
}

/** @throws EngineError SERVICE_UNAVAILABLE when no server answers at `url`. */
export async function openStreams(url: string, name: string, logger: Logger): Promise<StreamsConnection> {
  const shown = withoutCredentials(url);
  let nats: NatsConnection;
  try {
    nats = await connect({
      ...parseUrl(url),
      name,
      noAsyncTraces: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 200,
      reconnectJitter: 100,
    });
  } catch (error) {
    throw new EngineError(
      "SERVICE_UNAVAILABLE",
      `NATS at ${shown} cannot be reached (${messageOf(error)}): check NATS_URL`,
      { cause: error },
    );
  }
  let connected = true;
  let interruptions = 0;
  void watchStatus(nats, (isConnected) => {
    connected = isConnected;
    interruptions++; // the loss and the return: what was sent between the two may have been dropped
    logger[isConnected ? "info" : "warn"](
      { url: shown },
      isConnected ? "NATS connected" : "NATS connection lost, reconnecting",
    );
  });
  return {
    nats,
    isConnected: () => connected && !nats.isClosed(),
    interruptions: () => interruptions,
    close: async () => {
      if (!nats.isClosed()) await nats.drain().catch(() => nats.close());
    },
  };
}

function parseUrl(url: string): { servers: string; user?: string; pass?: string; token?: string } {
  const { protocol, host, username, password } = new URL(url);
  const servers = `${protocol}//${host}`;
  if (username === "") return { servers };
  const user = decodeURIComponent(username);
  return password === "" ? { servers, token: user } : { servers, user, pass: decodeURIComponent(password) };
}

async function watchStatus(nats: NatsConnection, onChange: (isConnected: boolean) => void): Promise<void> {
  for await (const status of nats.status()) {
    if (status.type === "disconnect") onChange(false);
    if (status.type === "reconnect") onChange(true);
  }
}
