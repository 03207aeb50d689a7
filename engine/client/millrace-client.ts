/**
 * The client of the engine over HTTP: `import { MillraceClient } from "millrace/client"`. Its types are those of the schemas that
 * check requests and describe answers; nothing is checked a second time here.
 *
 *     predict, infer, … ─┐
 *     models, alerts, … ─┴→ http-caller (tries, deadline) → http-connections → engine
 *
 * What may be sent again, and when, is in retry-wait. Every call ends by its deadline, which the engine is told of.
 */
import type { ErrorAnswer } from "../contract/error-answer.ts";
import type { LabelsAnswer, LabelsRequest } from "../contract/labels.ts";
import type { ModelMetadata, ServerMetadata } from "../contract/open-inference.ts";
import type { BatchAnswer, BatchRequest, Prediction, PredictRequest } from "../contract/predictions.ts";
import type { HealthAnswer } from "../contract/status.ts";
import { ERRORS, type ErrorCode, type ErrorDetail } from "../core/errors.ts";
import { AlertCalls } from "./alert-calls.ts";
import { type Ask, get, modelPath, post, postTimed } from "./client-call.ts";
import { FeatureCalls } from "./feature-calls.ts";
import { type CallOptions, type Content, HttpCaller } from "./http-caller.ts";
import type { HttpAnswer, HttpOutcome } from "./http-connections.ts";
import {
  decodeInferResult,
  encodeInferCall,
  type InferCall,
  type InferResult,
  JSON_LENGTH_HEADER,
} from "./infer-bodies.ts";
import { ModelCalls } from "./model-calls.ts";
import { MonitoringCalls } from "./monitoring-calls.ts";
import { RepositoryCalls } from "./repository-calls.ts";
import { type BatcherOptions, RequestBatcher } from "./request-batcher.ts";
import { retryAfterMs } from "./retry-wait.ts";
import { TrainingCalls } from "./training-calls.ts";

const TIMEOUT_MS = 30_000;
const RETRIES_MAX = 3;
const BINARY_HEADERS = { "content-type": "application/octet-stream" };
/** Of an answer that is no error of the engine. */
const SHOWN_LENGTH = 200;

export interface MillraceClientOptions {
  /** The engine's address, such as http://127.0.0.1:8080. */
  readonly url: string;
  /** Deadline of a call, over all its tries; 30 s unless given. */
  readonly timeoutMs?: number;
  /** How often a call is sent again at most; 3 unless given. */
  readonly retriesMax?: number;
  /** Of every request, such as what a proxy before the engine wants to see. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A row for a batcher. */
export type BatcherRow = Pick<
  BatchRequest["instances"][number],
  "features" | "entity_id" | "entities" | "request_id"
>;

/** CONNECTION_FAILED: no answer came; UNEXPECTED_ANSWER: what answered is no engine; the others are the engine's. */
export type MillraceErrorCode = ErrorCode | "CONNECTION_FAILED" | "UNEXPECTED_ANSWER";

export interface MillraceErrorOptions {
  readonly code: MillraceErrorCode | undefined;
  readonly status?: number | undefined;
  readonly details?: readonly ErrorDetail[] | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** Why a call failed, after its last try. */
export class MillraceError extends Error {
  override readonly name = "MillraceError";
  /** Undefined where the engine tells none: errors of the Open Inference Protocol are a text. */
  readonly code: MillraceErrorCode | undefined;
  /** The HTTP status; undefined when no answer came. */
  readonly status: number | undefined;
  /** One per wrong field, in words that say how to mend it. */
  readonly details: readonly ErrorDetail[];
  /** When the same request may succeed, as the engine says. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    { code, status, details, retryAfterMs: afterMs, cause }: MillraceErrorOptions,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
    this.details = details ?? [];
    this.retryAfterMs = afterMs;
  }
}

export class MillraceClient {
  /** The model registry. */
  readonly models: ModelCalls;
  /** How models do. */
  readonly monitoring: MonitoringCalls;
  readonly training: TrainingCalls;
  readonly alerts: AlertCalls;
  readonly features: FeatureCalls;
  /** Model repository and statistics of the Open Inference Protocol. */
  readonly repository: RepositoryCalls;
  readonly #caller: HttpCaller;
  readonly #ask: Ask;

  /** @throws TypeError when `url` is no address of HTTP. */
  constructor({
    url,
    timeoutMs = TIMEOUT_MS,
    retriesMax = RETRIES_MAX,
    headers = {},
  }: MillraceClientOptions) {
    this.#caller = new HttpCaller({ url, timeoutMs, retriesMax, headers });
    this.#ask = async <Answer>(call: Parameters<Ask>[0], options: CallOptions = {}) =>
      jsonOf(answered(await this.#caller.call(call, options))) as Answer;
    this.models = new ModelCalls(this.#ask);
    this.monitoring = new MonitoringCalls(this.#ask);
    this.training = new TrainingCalls(this.#ask);
    this.alerts = new AlertCalls(this.#ask);
    this.features = new FeatureCalls(this.#ask);
    this.repository = new RepositoryCalls(this.#ask);
  }

  /** Predicts one row; with `explain`, tells what contributed most. @throws MillraceError */
  async predict(request: PredictRequest, options?: CallOptions): Promise<Prediction> {
    const jsonFor = (timeout_ms: number): string => JSON.stringify({ ...request, timeout_ms });
    return this.#ask(postTimed("/predict", jsonFor, request.timeout_ms), options);
  }

  /** Predicts many rows of one model: a prediction or an error for each, in order. @throws MillraceError when all fail alike. */
  async predictBatch(request: BatchRequest, options?: CallOptions): Promise<BatchAnswer["predictions"]> {
    const jsonFor = (timeout_ms: number): string => JSON.stringify({ ...request, timeout_ms });
    const call = postTimed("/predict/batch", jsonFor, request.timeout_ms);
    return (await this.#ask<BatchAnswer>(call, options)).predictions;
  }

  /** Gathers single rows into batch requests, which take far less of both sides than requests of their own. */
  batcher(model: string, options: BatcherOptions = {}): RequestBatcher<BatcherRow, Prediction> {
    const { version, timeoutMs } = options;
    const send = async (rows: readonly string[]): Promise<(Prediction | MillraceError)[]> => {
      const jsonFor = (timeout_ms: number): string =>
        `${JSON.stringify({ model, version, timeout_ms }).slice(0, -1)},"instances":[${rows.join(",")}]}`;
      const call = postTimed("/predict/batch", jsonFor, undefined);
      const { predictions } = await this.#ask<BatchAnswer>(call, { timeoutMs });
      return predictions.map((result) => ("error" in result ? rowError(result) : result));
    };
    return new RequestBatcher<BatcherRow, Prediction>(send, options);
  }

  /** Tells the truth about predictions; labels with a label_id count once, however often they are sent. */
  async sendLabels(request: LabelsRequest, options?: CallOptions): Promise<LabelsAnswer> {
    return this.#ask(post("/labels", request, "repeats"), options);
  }

  /**
   * Infers over the Open Inference Protocol: tensors in, tensors out, as binary data.
   * @throws MillraceError, TypeError when the data of an input do not fit its datatype or shape.
   */
  async infer(model: string, request: InferCall, options: CallOptions = {}): Promise<InferResult> {
    const encode = encodeInferCall(request);
    const contentOf = (leftMs: number): Content => {
      const { body, jsonLength } = encode(leftMs);
      return { headers: { ...BINARY_HEADERS, [JSON_LENGTH_HEADER]: String(jsonLength) }, body };
    };
    const to = `${modelPath(model, request.version)}/infer`;
    const call = { method: "POST", path: to, contentOf, effect: "repeats" } as const;
    const outcome = await this.#caller.call(call, options);
    const answer = answered(outcome);
    return read(answer, () => decodeInferResult(answer.body, headerOf(answer, JSON_LENGTH_HEADER)));
  }

  /** What the server is, and which extensions of the protocol it has. */
  async serverMetadata(options?: CallOptions): Promise<ServerMetadata> {
    return this.#ask(get("/v2"), options);
  }

  /** What a model takes and gives, as tensors. */
  async modelMetadata(model: string, version?: string, options?: CallOptions): Promise<ModelMetadata> {
    return this.#ask(get(modelPath(model, version)), options);
  }

  /** Whether a model answers inference, now. @throws MillraceError when nobody answers. */
  async modelReady(model: string, version?: string, options: CallOptions = {}): Promise<boolean> {
    const call = { method: "GET", path: `${modelPath(model, version)}/ready`, effect: "probes" } as const;
    const outcome = await this.#caller.call(call, options);
    return outcome.kind === "answered" ? outcome.status === 200 : answered(outcome) !== undefined;
  }

  /** How each part of the engine is. */
  async health(options?: CallOptions): Promise<HealthAnswer> {
    return this.#ask(get("/health"), options);
  }

  /** Whether the engine can serve, now, and what is missing. @throws MillraceError when nobody answers. */
  async ready(options: CallOptions = {}): Promise<HealthAnswer> {
    const outcome = await this.#caller.call({ method: "GET", path: "/ready", effect: "probes" }, options);
    const isKnown = outcome.kind === "answered" && outcome.status === 503;
    return jsonOf(isKnown ? outcome : answered(outcome)) as HealthAnswer;
  }

  /** Ends its connections. Those that are idle keep no process alive, so short programs need not. */
  close(): void {
    this.#caller.close();
  }
}

/** @throws MillraceError for everything but success. */
function answered(outcome: HttpOutcome): HttpAnswer {
  switch (outcome.kind) {
    case "late":
      throw new MillraceError("no answer came before the deadline", { code: "DEADLINE_EXCEEDED" });
    case "unsent":
    case "lost": {
      const { cause } = outcome;
      const what = outcome.kind === "unsent" ? "no engine answers at the address" : "the connection was lost";
      throw new MillraceError(`${what} (${cause.message || (cause as NodeJS.ErrnoException).code})`, {
        code: "CONNECTION_FAILED",
        cause,
      });
    }
    case "answered":
      if (outcome.status >= 200 && outcome.status < 300) return outcome;
      throw answerError(outcome);
  }
}

function answerError(answer: HttpAnswer): MillraceError {
  const { status, headers, body } = answer;
  const afterMs = retryAfterMs(headers["retry-after"], Date.now());
  const { error } = (read(answer, () => JSON.parse(body.toString()) as unknown) ?? {}) as {
    readonly error?: ErrorAnswer["error"] | string;
  };
  if (typeof error === "string")
    return new MillraceError(error, { code: undefined, status, retryAfterMs: afterMs });
  if (error === undefined) throw unexpected(answer);
  const { code, message, details } = error;
  return new MillraceError(message, { code, status, details, retryAfterMs: afterMs });
}

function rowError({ error: { code, message, details } }: ErrorAnswer): MillraceError {
  return new MillraceError(message, { code, status: ERRORS[code].status, details });
}

function jsonOf(answer: HttpAnswer): unknown {
  return read(answer, () => JSON.parse(answer.body.toString()) as unknown);
}

/** @throws MillraceError UNEXPECTED_ANSWER when it cannot be read. */
function read<T>(answer: HttpAnswer, reading: () => T): T {
  try {
    return reading();
  } catch (cause) {
    throw unexpected(answer, cause);
  }
}

function unexpected({ status, body }: HttpAnswer, cause?: unknown): MillraceError {
  const text = body.toString("utf8", 0, SHOWN_LENGTH);
  return new MillraceError(`what answers (HTTP ${status}) is no answer of an engine: ${text}`, {
    code: "UNEXPECTED_ANSWER",
    status,
    cause,
  });
}

function headerOf({ headers }: HttpAnswer, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}
