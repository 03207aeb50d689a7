// hot path
/**
 * One WebSocket connection: what its client asks, and what it is told. Knows no transport.
 *
 *     open → predictions in flight, subscriptions → stopping (asks are refused, what is in flight is answered) → over
 *
 * Every message has one answer. Bounds: `inFlightMax` predictions asked for and not answered; `bufferedBytesMax` bytes that the client
 * has not read. Over a quarter of them what subscriptions bring is dropped, counted and told once there is room; over all of them
 * predictions are refused (QUEUE_FULL); who sends anything over twice as many is disconnected. Until then no answer is dropped.
 */
import { EngineError, toEngineError } from "../core/errors.ts";
import { invalidBy } from "../core/schema-details.ts";
import { type Predictor, parseHead } from "../predict.ts";
import { readRequest } from "../request-json.ts";
import { subscribeMessage, unsubscribeMessage } from "./messages.ts";
import { type OpenMessage, openMessage } from "./open-message.ts";
import { type PredictReply, PredictRow } from "./predict-row.ts";
import { Subscription } from "./subscription.ts";
import type { Subscriptions } from "./subscriptions.ts";

export const SUBSCRIPTIONS_MAX = 32;
const CLOSE_STOPPING = 1001;
const CLOSE_SLOW = 1013;

/** The transport's end of a connection. */
export interface Socket {
  /** What was sent and not yet taken by the client's side, bytes. */
  readonly bufferedBytes: number;
  send(text: string): void;
  close(code: number, reason: string): void;
}

export interface ConnectionLimits {
  readonly inFlightMax: number;
  readonly bufferedBytesMax: number;
  readonly messageBytesMax: number;
  /** Deadline of a prediction that names none, ms. */
  readonly timeoutMs: number;
}

export interface ConnectionParts {
  readonly limits: ConnectionLimits;
  readonly predictor: Predictor;
  readonly subscriptions: Subscriptions;
  /** @throws EngineError MODEL_NOT_FOUND. */
  readonly checkModel: (name: string) => Promise<unknown>;
  readonly onFailed: (error: EngineError) => void;
  readonly onDropped: (count: number) => void;
}

export class Connection {
  readonly #socket: Socket;
  readonly #parts: ConnectionParts;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #reply: PredictReply = {
    answered: (id, json) => {
      this.#inFlight--;
      this.#send(`{"type":"prediction","id":${JSON.stringify(id)},${json.slice(1)}`);
      this.#endIfDone();
    },
    failed: (id, error) => {
      this.#inFlight--;
      this.#fail(id, error);
      this.#endIfDone();
    },
  };
  #inFlight = 0;
  #isStopping = false;
  /** Stopping waits until the client has read everything. */
  #waitsForReader = true;
  #isOver = false;

  constructor(socket: Socket, parts: ConnectionParts, version: string) {
    this.#socket = socket;
    this.#parts = parts;
    const { inFlightMax, messageBytesMax } = parts.limits;
    socket.send(
      JSON.stringify({
        type: "hello",
        version,
        in_flight_max: inFlightMax,
        message_bytes_max: messageBytesMax,
        subscriptions_max: SUBSCRIPTIONS_MAX,
      }),
    );
  }

  /** Predictions asked for and not yet answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Takes a whole message; the bytes are read during this call only. */
  receive(bytes: Buffer, isBinary: boolean): void {
    if (this.#isOver) return;
    const unreadMax = 2 * this.#parts.limits.bufferedBytesMax;
    if (this.#socket.bufferedBytes > unreadMax)
      return this.#socket.close(CLOSE_SLOW, `more than ${unreadMax} bytes were not read`);
    let message: OpenMessage | undefined;
    try {
      message = this.#open(bytes, isBinary);
      this.#take(message);
    } catch (error) {
      this.#fail(message?.id, toEngineError(error));
    }
  }

  /** What was sent is on its way, or the client has read something. */
  drained(): void {
    for (const subscription of this.#subscriptions.values()) subscription.drained();
    this.#endIfDone();
  }

  /** Answers what is in flight, refuses what comes, and then closes. */
  stop(): void {
    this.#isStopping = true;
    this.#endIfDone();
  }

  /** After `stop`: closes as soon as nothing is in flight, though the client has not read everything. */
  stopWaiting(): void {
    this.#waitsForReader = false;
    this.#endIfDone();
  }

  /** The client has gone, or the connection was closed: nothing more is sent, and nothing is kept. */
  closed(): void {
    this.#isOver = true;
    for (const id of this.#subscriptions.keys()) this.#forget(id);
  }

  #open(bytes: Buffer, isBinary: boolean): OpenMessage {
    if (isBinary)
      throw new EngineError("INVALID_REQUEST", "messages are JSON in text frames: this was a binary one");
    const { messageBytesMax } = this.#parts.limits;
    if (bytes.length > messageBytesMax)
      throw new EngineError(
        "PAYLOAD_TOO_LARGE",
        `the message is larger than ${messageBytesMax} bytes; send less at once, or raise MILLRACE_BODY_BYTES_MAX`,
      );
    return openMessage(bytes, (json) => readRequest(json, this.#parts.predictor.likelyPlan));
  }

  #take({ type, id, body }: OpenMessage): void {
    switch (type) {
      case "predict":
        return this.#predict(id, body);
      case "subscribe":
        return this.#subscribe(id, body);
      case "unsubscribe":
        return this.#unsubscribe(id, body);
      default:
        throw invalid("type", "must be predict, subscribe or unsubscribe");
    }
  }

  #predict(id: string, body: Readonly<Record<string, unknown>>): void {
    const { predictor, limits } = this.#parts;
    this.#checkRoom();
    const head = parseHead(body, "", limits.timeoutMs);
    if (body["instances"] !== undefined)
      throw invalid("instances", "go to POST /predict/batch; here each message has its own features");
    const row = new PredictRow(id, head, predictor, this.#reply);
    predictor.submit(head.model, head.version, body["features"], row);
    this.#inFlight++;
  }

  #checkRoom(): void {
    const { inFlightMax, bufferedBytesMax } = this.#parts.limits;
    if (this.#isStopping) throw stopping();
    if (this.#inFlight >= inFlightMax)
      throw new EngineError(
        "QUEUE_FULL",
        `${inFlightMax} predictions of this connection are in flight, which is the limit: wait for answers before you ask for more`,
      );
    if (this.#socket.bufferedBytes > bufferedBytesMax)
      throw new EngineError(
        "QUEUE_FULL",
        `more than ${bufferedBytesMax} bytes wait for this client: read the answers before you ask for more`,
      );
  }

  #subscribe(id: string, body: Readonly<Record<string, unknown>>): void {
    const result = subscribeMessage.safeParse({ ...body, type: "subscribe", id });
    if (!result.success) throw invalidBy(result.error, "message");
    if (this.#isStopping) throw stopping();
    if (this.#subscriptions.has(id))
      throw invalid("id", "is that of a subscription: choose another, or unsubscribe first");
    if (this.#subscriptions.size >= SUBSCRIPTIONS_MAX)
      throw new EngineError(
        "QUEUE_FULL",
        `this connection has ${SUBSCRIPTIONS_MAX} subscriptions, which is the limit: unsubscribe from one, or connect once more`,
      );
    const { limits, onDropped } = this.#parts;
    const subscription = new Subscription(result.data, {
      socket: this.#socket,
      bufferedBytesMax: limits.bufferedBytesMax / 4,
      onDropped,
    });
    this.#subscriptions.set(id, subscription);
    this.#begin(id, subscription).catch((error: unknown) => {
      if (this.#subscriptions.get(id) === subscription) this.#subscriptions.delete(id);
      this.#fail(id, toEngineError(error));
    });
  }

  async #begin(id: string, subscription: Subscription): Promise<void> {
    const { checkModel, subscriptions } = this.#parts;
    await checkModel(subscription.model);
    await subscriptions.add(subscription);
    if (this.#isOver) return subscriptions.remove(subscription);
    this.#send(`{"type":"subscribed","id":${JSON.stringify(id)}}`);
    subscription.begin();
  }

  #unsubscribe(id: string, body: Readonly<Record<string, unknown>>): void {
    const result = unsubscribeMessage.safeParse({ ...body, type: "unsubscribe", id });
    if (!result.success) throw invalidBy(result.error, "message");
    if (this.#subscriptions.get(id)?.hasBegun !== true)
      throw invalid(
        "id",
        "is that of no subscription of this connection: give that of its subscribe message",
      );
    this.#forget(id);
    this.#send(`{"type":"unsubscribed","id":${JSON.stringify(id)}}`);
  }

  #forget(id: string): void {
    const subscription = this.#subscriptions.get(id);
    if (subscription === undefined) return;
    this.#subscriptions.delete(id);
    this.#parts.subscriptions.remove(subscription);
  }

  #fail(id: string | undefined, error: EngineError): void {
    this.#parts.onFailed(error);
    this.#send(JSON.stringify({ type: "error", id: id ?? null, ...error.toBody() }));
  }

  #send(text: string): void {
    if (!this.#isOver) this.#socket.send(text);
  }

  #endIfDone(): void {
    if (!this.#isStopping || this.#isOver || this.#inFlight > 0) return;
    if (this.#waitsForReader && this.#socket.bufferedBytes > 0) return;
    this.#socket.close(CLOSE_STOPPING, "this engine is stopping; connect to another, or again later");
  }
}

function invalid(field: string, message: string): EngineError {
  return new EngineError("INVALID_REQUEST", `${field} ${message}`, { details: [{ field, message }] });
}

function stopping(): EngineError {
  return new EngineError("SHUTTING_DOWN", "this engine is stopping; send the request to another");
}
