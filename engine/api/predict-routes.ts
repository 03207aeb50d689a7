// hot path
/**
 * POST /predict and POST /predict/batch: from a body to rows, and from answered rows to a response.
 */
import type { Batch, Row } from "../batch.ts";
import { batchAnswer, batchRequest, prediction, predictRequest } from "../contract/predictions.ts";
import { EngineError, type ErrorDetail } from "../core/errors.ts";
import type { Source } from "../core/prediction.ts";
import { type Predictor, parseHead, type RequestHead } from "../predict.ts";
import { toPredictionJson } from "../prediction-json.ts";
import { readBatchRequest, readRequest } from "../request-json.ts";
import { type Exchange, parseJson } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { requestIdHeader } from "./route-description.ts";

export interface PredictRoutesOptions {
  readonly predictor: Predictor;
  readonly bodyBytesMax: number;
  readonly instancesMax: number;
  /** Deadline of a request that names none, ms. */
  readonly timeoutMs: number;
}

/** Rows of one batch request that asks for explanations. */
const EXPLAINED_ROWS_MAX = 100;

/** What may become of a row, whatever carries it. */
export const ROW_ERRORS = [
  "INVALID_FEATURES",
  "MODEL_NOT_FOUND",
  "QUEUE_FULL",
  "INFERENCE_FAILED",
  "WORKER_FAILED",
  "NOT_READY",
  "LOG_UNAVAILABLE",
  "SERVICE_UNAVAILABLE",
  "SHUTTING_DOWN",
  "DEADLINE_EXCEEDED",
] as const;

export function predictRoutes(options: PredictRoutesOptions): Route[] {
  return [
    {
      method: "post",
      path: "/predict",
      describes: {
        tag: "Predictions",
        summary: "Predict one row",
        headers: requestIdHeader,
        body: predictRequest,
        answers: { 200: prediction },
        errors: ROW_ERRORS,
      },
      handle: (exchange) => handlePredict(exchange, options),
    },
    {
      method: "post",
      path: "/predict/batch",
      describes: {
        tag: "Predictions",
        summary: "Predict many rows of one model, each with a result or an error of its own",
        headers: requestIdHeader,
        body: batchRequest,
        answers: { 200: batchAnswer },
        errors: ROW_ERRORS,
      },
      handle: (exchange) => handlePredictBatch(exchange, options),
    },
  ];
}

/** POST /predict `{model?, version?, request_id?, entity_id?, timeout_ms?, explain?, features}` */
function handlePredict(
  exchange: Exchange,
  { predictor, bodyBytesMax, timeoutMs }: PredictRoutesOptions,
): void {
  exchange.readBody(bodyBytesMax, (bytes) => {
    const body = parseJson(bytes, (json) => readRequest(json, predictor.likelyPlan));
    const head = parseHead(body, exchange.requestId, timeoutMs);
    const { features, instances } = body as { features?: unknown; instances?: unknown };
    if (instances !== undefined)
      throw new EngineError("INVALID_REQUEST", "instances goes to POST /predict/batch; here it is features");
    predictor.submit(head.model, head.version, features, new SingleRow(exchange, head, predictor));
  });
}

class SingleRow implements Row {
  readonly source: Source = "http";
  readonly idempotencyKey = "";
  readonly requestId: string;
  readonly entityId: string;
  readonly entities: RequestHead["entities"];
  readonly arrivedMs: number;
  readonly deadlineMs: number;
  readonly #exchange: Exchange;
  readonly #explain: number;
  readonly #predictor: Predictor;

  constructor(exchange: Exchange, head: RequestHead, predictor: Predictor) {
    this.#exchange = exchange;
    this.#explain = head.explain;
    this.#predictor = predictor;
    this.requestId = head.requestId;
    this.entityId = head.entityId;
    this.entities = head.entities;
    this.arrivedMs = exchange.arrivedMs;
    this.deadlineMs = exchange.arrivedMs + head.timeoutMs;
  }

  answer(batch: Batch, index: number): void {
    if (this.#exchange.isOver) return;
    const json = toPredictionJson(batch, index, this.requestId, this.entityId, this.arrivedMs);
    if (this.#explain === 0) this.#exchange.sendJson(json);
    else
      this.#predictor.explainer.answer(batch, index, { row: this, top: this.#explain, json }, (explained) =>
        this.#exchange.sendJson(explained),
      );
  }

  fail(error: EngineError): void {
    this.#exchange.fail(error);
  }
}

/** POST /predict/batch `{model?, version?, timeout_ms?, explain?, instances: [{features, request_id?, entity_id?}, …]}` */
function handlePredictBatch(exchange: Exchange, options: PredictRoutesOptions): void {
  exchange.readBody(options.bodyBytesMax, (bytes) => {
    const body = parseJson(bytes, (json) => readBatchRequest(json, options.predictor.likelyPlan));
    const head = parseHead(body, exchange.requestId, options.timeoutMs);
    const { features, instances } = body as { features?: unknown; instances?: unknown };
    if (features !== undefined) throw misplacedFeatures();
    checkHasNoIds(body as Readonly<Record<string, unknown>>);
    checkInstances(instances, options);
    checkExplained(instances.length, head);
    options.predictor.checkRoom(head.model, head.version, instances.length);
    const request = new BatchRequest(exchange, instances.length, head.explain, options.predictor);
    for (let index = 0; index < instances.length; index++)
      submitInstance(request, index, instances[index], head, options);
  });
}

function misplacedFeatures(): EngineError {
  const details = [{ field: "features", message: "belongs into each of instances here" }];
  return new EngineError(
    "INVALID_REQUEST",
    "features goes to POST /predict; here each instance has its own",
    {
      details,
    },
  );
}

/** Ids belong to rows: beside instances they would name all of them alike, or none. */
function checkHasNoIds(body: Readonly<Record<string, unknown>>): void {
  const details = (["request_id", "entity_id", "entities"] as const)
    .filter((field) => body[field] !== undefined && body[field] !== null)
    .map((field) => ({ field, message: "belongs into each of instances here" }));
  if (details.length > 0)
    throw new EngineError("INVALID_REQUEST", `${details[0]?.field} ${details[0]?.message}`, { details });
}

function checkInstances(
  instances: unknown,
  { predictor, instancesMax }: PredictRoutesOptions,
): asserts instances is unknown[] {
  if (!Array.isArray(instances) || instances.length === 0) {
    const details = [{ field: "instances", message: "must be an array of at least one {features: {...}}" }];
    throw new EngineError("INVALID_REQUEST", "instances must be an array of at least one {features: {...}}", {
      details,
    });
  }
  const rowsMax = Math.min(instancesMax, predictor.rowsMax);
  if (instances.length > rowsMax) {
    const details = [{ field: "instances", message: `must have at most ${rowsMax} rows` }];
    throw new EngineError(
      "PAYLOAD_TOO_LARGE",
      `${instances.length} instances are more than the ${rowsMax} allowed; send several requests`,
      { details },
    );
  }
}

function checkExplained(rows: number, { explain }: RequestHead): void {
  if (explain === 0 || rows <= EXPLAINED_ROWS_MAX) return;
  const details = [{ field: "explain", message: `is for at most ${EXPLAINED_ROWS_MAX} instances a request` }];
  throw new EngineError(
    "PAYLOAD_TOO_LARGE",
    `${rows} instances are more than the ${EXPLAINED_ROWS_MAX} that are explained at once; send several requests`,
    { details },
  );
}

function submitInstance(
  request: BatchRequest,
  index: number,
  instance: unknown,
  head: RequestHead,
  { predictor }: PredictRoutesOptions,
): void {
  try {
    const own = parseHead(instance, "", head.timeoutMs);
    checkBelongs(own, head);
    const { features } = instance as { features?: unknown };
    predictor.submit(head.model, head.version, features, new BatchedRow(request, index, own));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.code === "MODEL_NOT_FOUND" || error.code === "NOT_READY" || error.code === "SHUTTING_DOWN")
      throw error;
    request.settle(index, JSON.stringify(error.toBody()));
  }
}

/** A batch goes to one model version: a row that asks for another must not be answered by this one. */
function checkBelongs(own: RequestHead, head: RequestHead): void {
  const details = (["model", "version"] as const)
    .filter((field) => own[field] !== undefined && own[field] !== head[field])
    .map(
      (field): ErrorDetail => ({
        field,
        message: "differs from the batch's: name it once, beside instances",
      }),
    );
  if (own.explain > 0)
    details.push({ field: "explain", message: "belongs beside instances: it is for all of them" });
  if (details.length > 0)
    throw new EngineError("INVALID_REQUEST", `${details[0]?.field} ${details[0]?.message}`, { details });
}

/** Collects one result or error per row, in order, and answers when all are there. */
class BatchRequest {
  readonly exchange: Exchange;
  /** Features that each answer explains. */
  readonly explain: number;
  readonly predictor: Predictor;
  readonly #results: string[];
  #missing: number;

  constructor(exchange: Exchange, rows: number, explain: number, predictor: Predictor) {
    this.exchange = exchange;
    this.explain = explain;
    this.predictor = predictor;
    this.#results = Array.from<string>({ length: rows });
    this.#missing = rows;
  }

  settle(index: number, json: string): void {
    this.#results[index] = json;
    this.#missing--;
    if (this.#missing === 0) this.exchange.sendJson(`{"predictions":[${this.#results.join(",")}]}`);
  }
}

class BatchedRow implements Row {
  readonly source: Source = "batch";
  readonly idempotencyKey = "";
  readonly requestId: string;
  readonly entityId: string;
  readonly entities: RequestHead["entities"];
  readonly arrivedMs: number;
  readonly deadlineMs: number;
  readonly #request: BatchRequest;
  readonly #index: number;

  constructor(request: BatchRequest, index: number, head: RequestHead) {
    this.#request = request;
    this.#index = index;
    this.requestId = head.requestId;
    this.entityId = head.entityId;
    this.entities = head.entities;
    this.arrivedMs = request.exchange.arrivedMs;
    this.deadlineMs = this.arrivedMs + head.timeoutMs;
  }

  answer(batch: Batch, index: number): void {
    const { explain, predictor } = this.#request;
    const json = toPredictionJson(batch, index, this.requestId, this.entityId, this.arrivedMs);
    if (explain === 0) this.#request.settle(this.#index, json);
    else
      predictor.explainer.answer(batch, index, { row: this, top: explain, json }, (explained) =>
        this.#request.settle(this.#index, explained),
      );
  }

  fail(error: EngineError): void {
    this.#request.settle(this.#index, JSON.stringify(error.toBody()));
  }
}
