/**
 * The client of the engine over NATS: `import { connectNats } from "millrace/client/nats"`.
 *
 *     predict, infer   request and reply, `<prefix>.predict.<model>`
 *     publish          a durable request, `<prefix>.requests.<model>`: predicted once, whoever dies meanwhile
 *     predictions      the results of durable requests, `<prefix>.predictions.<model>`
 *
 * Requests are sent again as over HTTP; as no Retry-After comes over NATS, the wait is that which the engine tells there.
 */
import { randomUUID } from "node:crypto";
import { DeliverPolicy, type JetStreamClient, type JsMsg, jetstream } from "@nats-io/jetstream";
import {
  type ConnectionOptions,
  connect,
  headers as createHeaders,
  Match,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  NoRespondersError,
  RequestError,
  TimeoutError,
} from "@nats-io/transport-node";
import type { ErrorAnswer } from "../contract/error-answer.ts";
import type { Prediction, PredictRequest } from "../contract/predictions.ts";
import { ERRORS } from "../core/errors.ts";
import { MODEL_NAME } from "../core/names.ts";
import { engineTimeoutMs } from "./client-call.ts";
import { type CallOptions, waitFor } from "./http-caller.ts";
import {
  decodeInferResult,
  encodeInferCall,
  type InferCall,
  type InferResult,
  JSON_LENGTH_HEADER,
} from "./infer-bodies.ts";
import { MillraceError } from "./millrace-client.ts";
import { retryWaitMs, type Tried } from "./retry-wait.ts";

const TIMEOUT_MS = 30_000;
const RETRIES_MAX = 3;
/** What the engine says over HTTP, in seconds. */
const RETRY_AFTER = "1";
/** Results that are fetched ahead of whoever reads them. */
const AHEAD_MAX = 500;
/** Of a request of the Open Inference Protocol, which has it in its path over HTTP. */
const VERSION_HEADER = "model-version";

export interface NatsClientOptions {
  /** Deadline of a call, over all its tries; 30 s unless given. */
  readonly timeoutMs?: number;
  /** How often a call is sent again at most; 3 unless given. */
  readonly retriesMax?: number;
  /** First token of the engine's subjects, MILLRACE_PREFIX; millrace unless given. */
  readonly prefix?: string;
}

/** A prediction request that names its model. */
export type NatsPredictRequest = PredictRequest & { readonly model: string };

export interface PublishedRequest {
  /** Its message id, by which it is stored once. */
  readonly id: string;
  readonly sequence: number;
  /** Whether it was stored already, under the same id. */
  readonly isDuplicate: boolean;
}

/** Connects to the NATS server of an engine, embedded or not. @param server address, or the options of @nats-io/transport-node. */
export async function connectNats(
  server: string | ConnectionOptions,
  options: NatsClientOptions = {},
): Promise<MillraceNatsClient> {
  const given = typeof server === "string" ? { servers: server } : server;
  try {
    return new MillraceNatsClient(await connect({ noAsyncTraces: true, ...given }), options);
  } catch (cause) {
    throw new MillraceError(`NATS cannot be reached: ${(cause as Error).message}`, {
      code: "CONNECTION_FAILED",
      cause,
    });
  }
}

interface Payload {
  readonly body: string | Uint8Array;
  readonly headers?: MsgHdrs;
}

export class MillraceNatsClient {
  readonly #nats: NatsConnection;
  readonly #stream: JetStreamClient;
  readonly #options: Required<NatsClientOptions>;

  constructor(
    nats: NatsConnection,
    { timeoutMs = TIMEOUT_MS, retriesMax = RETRIES_MAX, prefix = "millrace" }: NatsClientOptions,
  ) {
    this.#nats = nats;
    this.#stream = jetstream(nats);
    this.#options = { timeoutMs, retriesMax, prefix };
  }

  /** Predicts one row. @throws MillraceError */
  async predict(request: NatsPredictRequest, options: CallOptions = {}): Promise<Prediction> {
    const payloadOf = (leftMs: number): Payload => {
      const timeout_ms = engineTimeoutMs(leftMs, request.timeout_ms);
      return { body: JSON.stringify({ ...request, timeout_ms }) };
    };
    return (await this.#request(request.model, payloadOf, options)).json<Prediction>();
  }

  /** Infers over the Open Inference Protocol, as over HTTP. @throws MillraceError, TypeError */
  async infer(model: string, request: InferCall, options: CallOptions = {}): Promise<InferResult> {
    const encode = encodeInferCall(request);
    const message = await this.#request(
      model,
      (leftMs) => {
        const { body, jsonLength } = encode(leftMs);
        const headers = createHeaders();
        headers.set(JSON_LENGTH_HEADER, String(jsonLength));
        if (request.version !== undefined) headers.set(VERSION_HEADER, request.version);
        return { body, headers };
      },
      options,
    );
    return decodeInferResult(bufferOf(message), headerOf(message, JSON_LENGTH_HEADER));
  }

  /**
   * Stores a request, which is predicted sooner or later; `predictions` tells what came of it. Sent twice with the same id it is
   * stored once, so it may be sent again after any failure.
   * @param id the message id; the request_id unless given, or else a new one.
   */
  async publish(
    request: NatsPredictRequest,
    id: string = request.request_id ?? randomUUID(),
    { timeoutMs = this.#options.timeoutMs }: Pick<CallOptions, "timeoutMs"> = {},
  ): Promise<PublishedRequest> {
    const subject = this.#subject("requests", request.model);
    const body = JSON.stringify(request);
    try {
      const { seq, duplicate } = await this.#stream.publish(subject, body, { msgID: id, timeout: timeoutMs });
      return { id, sequence: seq, isDuplicate: duplicate };
    } catch (error) {
      throw transportError(error);
    }
  }

  /**
   * The results of durable requests of a model, each once, as they come; with `since` those from before, too. Ends when its
   * reader breaks off, or the client is closed. No more than AHEAD_MAX results are held for a slow reader. Tensors that others asked
   * for are left out.
   */
  async *predictions(model: string, { since }: { readonly since?: Date } = {}): AsyncGenerator<Prediction> {
    const consumer = await this.#stream.consumers.get(`${this.#options.prefix.toUpperCase()}_PREDICTIONS`, {
      filter_subjects: this.#subject("predictions", model),
      ...(since === undefined
        ? { deliver_policy: DeliverPolicy.New }
        : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: since.toISOString() }),
    });
    const messages = await consumer.consume({ max_messages: AHEAD_MAX });
    try {
      for await (const message of messages) {
        if (headerOf(message, JSON_LENGTH_HEADER) !== undefined) continue;
        const result = message.json<Prediction | { readonly outputs: unknown }>();
        if (!("outputs" in result)) yield result;
      }
    } finally {
      await messages.close();
    }
  }

  /** Lets what is under way end, and closes the connection. */
  async close(): Promise<void> {
    if (!this.#nats.isClosed()) await this.#nats.drain();
  }

  /** @throws MillraceError after the last try. */
  async #request(
    model: string,
    payloadOf: (leftMs: number) => Payload,
    { timeoutMs = this.#options.timeoutMs, signal }: CallOptions,
  ): Promise<Msg> {
    const subject = this.#subject("predict", model);
    const deadlineMs = performance.now() + timeoutMs;
    let leftMs = timeoutMs;
    for (let tries = 1; ; tries++) {
      signal?.throwIfAborted();
      const { body, ...headers } = payloadOf(leftMs);
      const outcome = await this.#nats
        .request(subject, body, { timeout: Math.max(1, Math.ceil(leftMs)), ...headers })
        .then((message) => errorOf(message) ?? message, transportError);
      if (!(outcome instanceof MillraceError)) return outcome;
      const waitMs = waitMsAfter(outcome, tries);
      leftMs = deadlineMs - performance.now() - (waitMs ?? 0);
      if (waitMs === undefined || tries > this.#options.retriesMax || leftMs <= 0) throw outcome;
      await waitFor(waitMs, signal);
    }
  }

  /** @throws TypeError for a name that would reach into other subjects. */
  #subject(area: string, model: string): string {
    if (MODEL_NAME.test(model)) return `${this.#options.prefix}.${area}.${model}`;
    throw new TypeError(`"${model}" is no name of a model`);
  }
}

/** As over HTTP. */
function waitMsAfter({ status, cause }: MillraceError, tries: number): number | undefined {
  const tried: Tried =
    status === undefined
      ? { kind: isUnheard(cause) ? "unsent" : "lost" }
      : { kind: "answered", status, headers: { "retry-after": RETRY_AFTER } };
  return retryWaitMs(tried, "repeats", tries, Math.random());
}

/** Nobody has subscribed: no engine got it. */
function isUnheard(error: unknown): boolean {
  return error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders());
}

/** What NATS itself says. */
function transportError(error: unknown): MillraceError {
  const cause = error as Error;
  if (cause instanceof TimeoutError || cause.cause instanceof TimeoutError)
    return new MillraceError("no answer came before the deadline", { code: "DEADLINE_EXCEEDED", cause });
  const message = isUnheard(cause) ? "no engine answers at the subject" : cause.message;
  return new MillraceError(message, { code: "CONNECTION_FAILED", cause });
}

/** The engine's error, if the message is one. */
function errorOf(message: Msg): MillraceError | undefined {
  if (headerOf(message, "Nats-Service-Error-Code") === undefined) return undefined;
  const status = Number(headerOf(message, "Nats-Service-Error-Code"));
  const { error } = message.json<{ readonly error: ErrorAnswer["error"] | string }>();
  if (typeof error === "string") return new MillraceError(error, { code: undefined, status });
  const { code, message: text, details } = error;
  return new MillraceError(text, { code, status: ERRORS[code].status, details });
}

function headerOf({ headers }: Pick<Msg, "headers"> | JsMsg, name: string): string | undefined {
  return headers?.get(name, Match.IgnoreCase) || undefined;
}

function bufferOf({ data }: Msg): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}
