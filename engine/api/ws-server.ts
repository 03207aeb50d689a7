// hot path
/**
 * `/ws` over uWebSockets.js: takes connections over from the HTTP server, and carries messages to and from Connection.
 *
 * Who may connect is decided as for what changes something (sender-check): a browser lets any page open a WebSocket to any address, and
 * says which page it was. What is sent within one turn goes out together. uWebSockets.js cannot pause reading a WebSocket, so what is too
 * much is refused, not left waiting. Bounds: `connectionsMax`, a message (below), IDLE_SECONDS without a sign of life; Connection's own.
 */
import uws, {
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_socket_context_t,
  type WebSocket,
} from "uWebSockets.js";
import { EngineError } from "../core/errors.ts";
import type { Counter, Metrics } from "../core/metrics.ts";
import { Connection, type ConnectionLimits, type ConnectionParts } from "../ws/connection.ts";
import { serverMessage } from "../ws/messages.ts";
import type { Subscriptions } from "../ws/subscriptions.ts";
import type { ConnectionTaker, HttpSide, Route } from "./http-server.ts";
import type { SenderCheck } from "./sender-check.ts";
import { UwsSocket } from "./ws-socket.ts";

export const WS_PATH = "/ws";
/** A client is pinged when it was silent for most of this, and disconnected when it does not answer. */
const IDLE_SECONDS = 60;
/** A stop waits so long for clients to read what they were sent. */
const STOP_UNREAD_MS = 5_000;
/** What uWebSockets.js counts messages in. */
const LENGTH_MAX = 2 ** 31 - 1;
const CLOSE_NORMAL = 1000;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_TRY_LATER = 1013;

export interface WebSocketOptions {
  readonly predictor: ConnectionParts["predictor"];
  readonly subscriptions: Subscriptions;
  readonly checkModel: ConnectionParts["checkModel"];
  readonly checkSender: SenderCheck;
  readonly limits: ConnectionLimits;
  readonly connectionsMax: number;
  readonly version: string;
  readonly metrics: Metrics;
}

/** For those who do not upgrade; it is attached behind the server of those who do. */
export const webSocketRoute: Route = {
  method: "get",
  path: WS_PATH,
  describes: {
    tag: "Predictions",
    summary: "Predict and subscribe over one WebSocket: JSON messages in text frames",
    answers: { 101: serverMessage },
    errors: ["INVALID_REQUEST", "FORBIDDEN", "BUSY", "SHUTTING_DOWN", "SERVICE_UNAVAILABLE"],
  },
  handle: (exchange) => exchange.fail(isNative() ? noUpgrade() : noWebSockets()),
};

interface UserData {
  socket?: UwsSocket;
  connection?: Connection;
}

export class WebSocketServer implements ConnectionTaker {
  readonly #options: WebSocketOptions;
  readonly #connections = new Set<Connection>();
  readonly #received: Counter;
  readonly #sent: Counter;
  readonly #dropped: Counter;
  #isStopping = false;

  constructor(options: WebSocketOptions) {
    const { metrics } = options;
    this.#options = options;
    const messages = (direction: string): Counter =>
      metrics.counter("engine_ws_messages_total", "WebSocket messages.", { direction });
    this.#received = messages("in");
    this.#sent = messages("out");
    this.#dropped = metrics.counter(
      "engine_ws_dropped_total",
      "Messages of subscriptions that were dropped, by reason.",
      { reason: "slow_reader" },
    );
    const connections = metrics.gauge("engine_ws_connections", "Open WebSocket connections.");
    const inFlight = metrics.gauge(
      "engine_ws_in_flight",
      "Predictions asked for over WebSocket and not yet answered.",
    );
    const subscriptions = metrics.gauge("engine_ws_subscriptions", "Subscriptions over WebSocket.");
    metrics.onCollect(() => {
      connections.set(this.#connections.size);
      inFlight.set([...this.#connections].reduce((sum, connection) => sum + connection.inFlight, 0));
      subscriptions.set(options.subscriptions.count);
    });
  }

  get open(): number {
    return this.#connections.size;
  }

  attach(app: TemplatedApp, http: HttpSide): void {
    if (isNative()) this.#serve(app, http);
  }

  #serve(app: TemplatedApp, http: HttpSide): void {
    const { limits } = this.#options;
    app.ws<UserData>(WS_PATH, {
      maxPayloadLength: Math.min(2 * limits.messageBytesMax, LENGTH_MAX), // up to there it is told what is wrong
      maxBackpressure: 0, // Connection bounds it, and drops no answer
      idleTimeout: IDLE_SECONDS,
      sendPingsAutomatically: true,
      upgrade: (res, req, context) => this.#upgrade(res, req, context, http),
      open: (ws) => this.#open(ws, http),
      message: (ws, message, isBinary) => {
        this.#received.add(1);
        ws.getUserData().connection?.receive(Buffer.from(message), isBinary);
      },
      drain: (ws) => ws.getUserData().connection?.drained(),
      close: (ws, code) => this.#close(ws, code),
    });
  }

  stop(): void {
    this.#isStopping = true;
    for (const connection of this.#connections) connection.stop();
    setTimeout(() => {
      for (const connection of this.#connections) connection.stopWaiting();
    }, STOP_UNREAD_MS).unref();
  }

  /** Resolves when nothing is read for subscribers: after every connection has ended. */
  async stopped(): Promise<void> {
    await this.#options.subscriptions.stopped();
  }

  #upgrade(res: HttpResponse, req: HttpRequest, context: us_socket_context_t, http: HttpSide): void {
    try {
      this.#options.checkSender(req);
      this.#checkRoom();
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return http.refuse(res, req, error);
    }
    const key = req.getHeader("sec-websocket-key");
    res.upgrade<UserData>({}, key, "", req.getHeader("sec-websocket-extensions"), context);
  }

  #checkRoom(): void {
    if (this.#isStopping)
      throw new EngineError("SHUTTING_DOWN", "this engine is stopping; connect to another");
    const { connectionsMax } = this.#options;
    if (this.#connections.size >= connectionsMax)
      throw new EngineError(
        "BUSY",
        `${connectionsMax} WebSocket connections are open, which is the limit: close one, or raise MILLRACE_WS_CONNECTIONS_MAX`,
      );
  }

  #open(ws: WebSocket<UserData>, http: HttpSide): void {
    const { predictor, subscriptions, checkModel, limits, version } = this.#options;
    const socket = new UwsSocket(ws, this.#sent, () => connection.drained());
    const connection = new Connection(
      socket,
      {
        limits,
        predictor,
        subscriptions,
        checkModel,
        onFailed: (error) => http.onFailed(error.code, error),
        onDropped: (count) => this.#dropped.add(count),
      },
      version,
    );
    Object.assign(ws.getUserData(), { socket, connection });
    this.#connections.add(connection);
  }

  #close(ws: WebSocket<UserData>, code: number): void {
    const { socket, connection } = ws.getUserData();
    socket?.closed();
    connection?.closed();
    if (connection !== undefined) this.#connections.delete(connection);
    const reason = REASONS[code] ?? "other";
    this.#options.metrics
      .counter("engine_ws_closes_total", "WebSocket connections that ended, by reason.", { reason })
      .add(1);
  }
}

/** By close code; 1006 is a connection that ended without one, or was cut: too large a message, no sign of life. */
const REASONS: Readonly<Record<number, string>> = {
  [CLOSE_NORMAL]: "client",
  1005: "client",
  [CLOSE_GOING_AWAY]: "going_away",
  1006: "lost",
  [CLOSE_TRY_LATER]: "slow_reader",
};

/** What stands in for uWebSockets.js where it has no binary ends the process when a WebSocket is to be refused. */
function isNative(): boolean {
  return "SHARED_COMPRESSOR" in uws;
}

function noWebSockets(): EngineError {
  return new EngineError(
    "SERVICE_UNAVAILABLE",
    "WebSocket needs uWebSockets.js' own binaries, which there are none of for this Node: run the engine on Node 20",
  );
}

function noUpgrade(): EngineError {
  const details = [{ field: "upgrade", message: "must be websocket" }];
  return new EngineError(
    "INVALID_REQUEST",
    `${WS_PATH} takes WebSocket connections: connect to ws://…${WS_PATH}`,
    {
      details,
    },
  );
}
