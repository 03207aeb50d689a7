// hot path
/**
 * The two NATS entrances: request/reply, and durable requests from the stream.
 *
 * Both take the body of POST /predict, or one of the Open Inference Protocol (nats-infer); the model is the subject's last token. A durable request is settled by its
 * outcome: its prediction is logged, published and then acknowledged; what can never succeed becomes a dead letter
 * with the reason; what may succeed later comes again, some of it not for ever (COUNTED).
 */
import type { ServiceRequest } from "../streams/predict-service.ts";
import type { StreamRequest } from "../streams/stream-request.ts";
import type { Batch, Row } from "./batch.ts";
import { EngineError, type ErrorCode, toEngineError } from "./core/errors.ts";
import { MODEL_NAME } from "./core/names.ts";
import type { Source } from "./core/prediction.ts";
import { uuidText } from "./core/uuid.ts";
import {
  hasBinaryData,
  inferForService,
  inferForStream,
  isInferBody,
  type PublishResult,
} from "./nats-infer.ts";
import type { Inference } from "./oip/inference.ts";
import { type Predictor, parseHead, type RequestHead } from "./predict.ts";
import { toPredictionJson } from "./prediction-json.ts";
import { readRequest } from "./request-json.ts";

const LATER_FIRST_MS = 1_000;
const LATER_LAST_MS = 30_000;
const LATER_GROWTH = 2;
/** A large model takes a minute to load: 1, 4, 16 and 30 s are time for it within five deliveries. */
const NOT_READY_GROWTH = 4;
/**
 * What may pass, or may be the request's own fault, or its model's. A model that is not known may have been promoted
 * a moment ago, and this engine be the last to hear of it.
 */
const COUNTED: ReadonlySet<ErrorCode> = new Set([
  "MODEL_NOT_FOUND",
  "NOT_READY",
  "WORKER_FAILED",
  "INTERNAL",
]);
/** A reply-to must not reach into the server's or the engine's own subjects. */
const REPLY_SUBJECT = /^[A-Za-z0-9_][\w-]*(\.[\w-]+)*$/;

/** A request of features; undefined for one of the Open Inference Protocol. */
interface Parsed {
  readonly head: RequestHead;
  readonly features: unknown;
}

/** @throws EngineError INVALID_JSON, INVALID_REQUEST */
function parseRequest(
  { model, data }: { readonly model: string; readonly data: Uint8Array },
  requestId: string,
  { likelyPlan }: Predictor,
  timeoutMs: number,
): Parsed | undefined {
  if (!MODEL_NAME.test(model))
    throw new EngineError("INVALID_REQUEST", "the last token of the subject must be the name of a model");
  let body: unknown;
  try {
    body = readRequest(Buffer.from(data.buffer, data.byteOffset, data.byteLength), likelyPlan);
  } catch (error) {
    throw new EngineError(
      "INVALID_JSON",
      `the payload is not JSON: ${(error as Error).message.slice(0, 200)}`,
    );
  }
  if (isInferBody(body)) return undefined;
  const head = parseHead(body, requestId, timeoutMs);
  if (head.model !== undefined && head.model !== model) {
    throw new EngineError(
      "INVALID_REQUEST",
      `model is "${head.model}" in the payload and "${model}" in the subject`,
    );
  }
  return { head, features: (body as { features?: unknown }).features };
}

abstract class NatsRow implements Row {
  abstract readonly source: Source;
  abstract readonly idempotencyKey: string;
  readonly requestId: string;
  readonly entityId: string;
  readonly entities: RequestHead["entities"];
  readonly arrivedMs = performance.now();
  readonly deadlineMs: number;
  readonly #explain: number;
  readonly #predictor: Predictor;

  constructor(head: RequestHead, predictor: Predictor) {
    this.#explain = head.explain;
    this.#predictor = predictor;
    this.requestId = head.requestId;
    this.entityId = head.entityId;
    this.entities = head.entities;
    this.deadlineMs = this.arrivedMs + head.timeoutMs;
  }

  answer(batch: Batch, index: number): void {
    const json = toPredictionJson(batch, index, this.requestId, this.entityId, this.arrivedMs);
    const predictionId = uuidText(batch.ids, index * 16);
    if (this.#explain === 0) this.send(json, predictionId);
    else
      this.#predictor.explainer.answer(batch, index, { row: this, top: this.#explain, json }, (explained) =>
        this.send(explained, predictionId),
      );
  }

  abstract fail(error: EngineError): void;
  protected abstract send(json: string, predictionId: string): void;
}

export interface ServicePredictOptions {
  readonly predictor: Predictor;
  readonly inference: Inference;
  /** Deadline of a request that names none, ms. */
  readonly timeoutMs: number;
}

/** Answers one request/reply request. */
export function handleServiceRequest(
  request: ServiceRequest,
  { predictor, inference, timeoutMs }: ServicePredictOptions,
): void {
  if (hasBinaryData(request)) return inferForService(request, inference, timeoutMs);
  try {
    const parsed = parseRequest(request, request.requestId, predictor, timeoutMs);
    if (parsed === undefined) return inferForService(request, inference, timeoutMs);
    const { head, features } = parsed;
    predictor.submit(request.model, head.version, features, new ServiceRow(request, head, predictor));
  } catch (error) {
    request.fail(toEngineError(error));
  }
}

class ServiceRow extends NatsRow {
  readonly source = "nats";
  readonly idempotencyKey = "";
  readonly #request: ServiceRequest;

  constructor(request: ServiceRequest, head: RequestHead, predictor: Predictor) {
    super(head, predictor);
    this.#request = request;
  }

  protected send(json: string): void {
    this.#request.answer(json);
  }

  fail(error: EngineError): void {
    this.#request.fail(error);
  }
}

export interface StreamPredictOptions {
  readonly predictor: Predictor;
  /** First token of the engine's own subjects, where no answer may be sent. */
  readonly prefix: string;
  /** Deliveries after which a request whose error is one of COUNTED is given up. */
  readonly deliveriesMax: number;
  readonly inference: Inference;
  readonly publishResult: PublishResult;
}

/** Takes one durable request; it is settled when its prediction is stored, or its error is final. */
export function handleStreamRequest(request: StreamRequest, options: StreamPredictOptions): void {
  const { inference, publishResult, deliveriesMax } = options;
  const infer = (): void => {
    checkReplyTo(request.replyTo, options.prefix);
    const fail = (error: EngineError): void => settleFailed(request, error, deliveriesMax);
    inferForStream(request, inference, { publishResult, fail });
  };
  try {
    if (hasBinaryData(request)) return infer();
    const parsed = parseRequest(request, request.messageId, options.predictor, Number.POSITIVE_INFINITY);
    if (parsed === undefined) return infer();
    const { head, features } = parsed;
    checkReplyTo(request.replyTo, options.prefix);
    const id = request.messageId || head.requestId || request.position;
    const row = new StreamRow(request, head, `${request.model}\n${id}`, options);
    options.predictor.submit(request.model, head.version, features, row);
  } catch (error) {
    settleFailed(request, toEngineError(error), deliveriesMax);
  }
}

function checkReplyTo(subject: string, prefix: string): void {
  if (subject === "") return;
  if (REPLY_SUBJECT.test(subject) && subject.split(".", 1)[0] !== prefix) return;
  throw new EngineError(
    "INVALID_REQUEST",
    `the reply-to header must be a plain subject without wildcards, outside ${prefix}.>`,
  );
}

function settleFailed(
  request: StreamRequest,
  { code, message, meaning }: EngineError,
  deliveriesMax: number,
): void {
  const isFinal = COUNTED.has(code) ? request.delivery >= deliveriesMax : meaning.retry === "never";
  if (isFinal) {
    request.dead(`${code}: ${message}`);
    return;
  }
  const growth = code === "NOT_READY" ? NOT_READY_GROWTH : LATER_GROWTH;
  request.later(Math.min(LATER_FIRST_MS * growth ** Math.min(request.delivery - 1, 10), LATER_LAST_MS));
}

class StreamRow extends NatsRow {
  readonly source = "stream";
  readonly idempotencyKey: string;
  readonly #request: StreamRequest;
  readonly #options: StreamPredictOptions;

  constructor(
    request: StreamRequest,
    head: RequestHead,
    idempotencyKey: string,
    options: StreamPredictOptions,
  ) {
    super(head, options.predictor);
    this.idempotencyKey = idempotencyKey;
    this.#request = request;
    this.#options = options;
  }

  protected send(json: string, predictionId: string): void {
    this.#options.publishResult({ predictionId, payload: json }, this.#request);
  }

  fail(error: EngineError): void {
    settleFailed(this.#request, error, this.#options.deliveriesMax);
  }
}
