/**
 * The Open Inference Protocol over NATS: to the subjects of predictions, the body of POST /v2/models/{name}/infer, binary data
 * included, with its header `Inference-Header-Content-Length`; the answer likewise. A header `Model-Version` names the version.
 *
 * Without that header, a JSON object with `inputs` and without `features` is such a request.
 */
import type { ServiceRequest } from "../streams/predict-service.ts";
import type { StreamRequest } from "../streams/stream-request.ts";
import { type EngineError, toEngineError } from "./core/errors.ts";
import type { Source } from "./core/prediction.ts";
import { uuidText, writeUuidOf } from "./core/uuid.ts";
import { oipErrorBody } from "./oip/error-body.ts";
import type { InferCall } from "./oip/infer-call.ts";
import { type InferRequest, JSON_LENGTH_HEADER, readInferRequest } from "./oip/infer-request.ts";
import { encodeInferResponse, type InferResponse } from "./oip/infer-response.ts";
import type { Inference } from "./oip/inference.ts";

const VERSION_HEADER = "model-version";

/** What both kinds of request have. */
type Message = Pick<StreamRequest, "model" | "data" | "header">;

export interface PublishedResult {
  readonly predictionId: string;
  readonly payload: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export type PublishResult = (result: PublishedResult, request: StreamRequest) => void;

export function hasBinaryData(message: Message): boolean {
  return message.header(JSON_LENGTH_HEADER) !== "";
}

export function isInferBody(body: unknown): boolean {
  return typeof body === "object" && body !== null && "inputs" in body && !("features" in body);
}

/** Answers one request/reply request. */
export function inferForService(request: ServiceRequest, inference: Inference, timeoutMs: number): void {
  const fail = (error: EngineError): void => request.fail(error, oipErrorBody(error));
  try {
    infer(request, inference, {
      source: "nats",
      timeoutMs,
      idempotencyKey: "",
      answer: ({ payload, headers }) => request.answer(payload, headers),
      fail,
    });
  } catch (error) {
    fail(toEngineError(error));
  }
}

/** Takes one durable request. @throws EngineError when it is refused at once. */
export function inferForStream(
  request: StreamRequest,
  inference: Inference,
  {
    publishResult,
    fail,
  }: { readonly publishResult: PublishResult; readonly fail: (error: EngineError) => void },
): void {
  const idempotencyKey = `${request.model}\n${request.messageId || request.position}`;
  infer(request, inference, {
    source: "stream",
    timeoutMs: Number.POSITIVE_INFINITY,
    idempotencyKey,
    answer: (encoded) => publishResult({ ...encoded, predictionId: idOf(idempotencyKey) }, request),
    fail,
  });
}

interface Way {
  readonly source: Source;
  readonly timeoutMs: number;
  readonly idempotencyKey: string;
  readonly answer: (encoded: Omit<PublishedResult, "predictionId">) => void;
  readonly fail: (error: EngineError) => void;
}

function infer(message: Message, inference: Inference, way: Way): void {
  const { model, data } = message;
  const version = message.header(VERSION_HEADER) || undefined;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const jsonLength = message.header(JSON_LENGTH_HEADER) || undefined;
  const request = readInferRequest(bytes, jsonLength, () => inference.tensorsOf(model, version));
  inference.infer(request, new NatsInference(model, version, request, way));
}

/** Under what id an answer to several rows is told: it follows from the request, as theirs do. */
function idOf(idempotencyKey: string): string {
  const id = new Uint8Array(16);
  writeUuidOf(id, 0, idempotencyKey);
  return uuidText(id, 0);
}

class NatsInference implements InferCall {
  readonly model: string;
  readonly version: string | undefined;
  readonly arrivedMs = performance.now();
  readonly source: Source;
  readonly timeoutMs: number;
  readonly idempotencyKey: string;
  readonly #request: InferRequest;
  readonly #way: Way;

  constructor(model: string, version: string | undefined, request: InferRequest, way: Way) {
    this.model = model;
    this.version = version;
    this.source = way.source;
    this.timeoutMs = way.timeoutMs;
    this.idempotencyKey = way.idempotencyKey;
    this.#request = request;
    this.#way = way;
  }

  answer(response: InferResponse): void {
    const { body, jsonLength } = encodeInferResponse(response, this.#request);
    const headers = jsonLength === undefined ? undefined : { [HEADER_NAME]: String(jsonLength) };
    this.#way.answer({ payload: body, headers });
  }

  fail(error: EngineError): void {
    this.#way.fail(error);
  }
}

/** As the protocol writes it: NATS keeps the case of header names. */
const HEADER_NAME = "Inference-Header-Content-Length";
