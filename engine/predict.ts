// hot path
/**
 * The one function that every entrance calls: routes a request to its model version and hands the row over.
 *
 * What the caller's text says is checked here, once, for all entrances: ids and deadlines are bounded, the model
 * exists, the features fit. The answer comes through the row.
 */
import type { Row } from "./batch.ts";
import type { Batcher } from "./batcher.ts";
import { EngineError, type ErrorDetail, toEngineError } from "./core/errors.ts";
import { FEATURES_MAX } from "./core/preprocessing.ts";
import type { SplitKey } from "./deployments/canary-split.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { type Explainer, TOP_FEATURES_DEFAULT } from "./explainer.ts";
import type { FeaturePlan } from "./feature-plan.ts";
import { checkEntities, type FeatureStage } from "./features/feature-stage.ts";
import type { Models } from "./models.ts";
import type { CountErrors } from "./request-errors.ts";
import { RowSource } from "./row-source.ts";
import type { ServedModel } from "./served-model.ts";

export const ID_LENGTH_MAX = 128;
export const TIMEOUT_MS_MAX = 600_000;
const ENTITIES_MAX = 16;

/** The fields of a request beside its features. */
export interface RequestHead {
  readonly model: string | undefined;
  readonly version: string | undefined;
  readonly requestId: string;
  readonly entityId: string;
  /** Ids by entity key, for models that take features of several entities. */
  readonly entities: Readonly<Record<string, string>> | undefined;
  readonly timeoutMs: number;
  /** How many features the answer shall explain; 0: no explanation. */
  readonly explain: number;
}

const FIELDS = new Set([
  "model",
  "version",
  "request_id",
  "entity_id",
  "entities",
  "timeout_ms",
  "explain",
  "features",
  "instances",
]);

/**
 * Reads the head of a parsed request body.
 * @param requestId what the transport says (x-request-id), used when the body names none.
 * @throws EngineError INVALID_REQUEST naming every wrong field.
 */
export function parseHead(body: unknown, requestId: string, timeoutMs: number): RequestHead {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new EngineError("INVALID_REQUEST", 'the body must be a JSON object such as {"features": {...}}');
  }
  const { model, version, request_id, entity_id, entities, timeout_ms, explain } = body as Record<
    string,
    unknown
  >;
  const details: ErrorDetail[] = [];
  const head = {
    model: optionalText(model, "model", details),
    version: optionalText(version, "version", details),
    requestId:
      optionalText(request_id, "request_id", details) ?? boundedText(requestId, "x-request-id", details),
    entityId: optionalText(entity_id, "entity_id", details) ?? "",
    entities: optionalEntities(entities, details),
    timeoutMs: optionalTimeout(timeout_ms, details) ?? timeoutMs,
    explain: optionalExplain(explain, details),
  };
  for (const field in body)
    if (!FIELDS.has(field))
      details.push({ field: field.slice(0, ID_LENGTH_MAX), message: "is no field of a request" });
  if (details.length > 0)
    throw new EngineError("INVALID_REQUEST", `${details[0]?.field} ${details[0]?.message}`, { details });
  return head;
}

function optionalText(value: unknown, field: string, details: ErrorDetail[]): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return boundedText(value, field, details);
  details.push({ field, message: "must be a string" });
  return undefined;
}

function optionalEntities(
  value: unknown,
  details: ErrorDetail[],
): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined;
  const isObject = typeof value === "object" && !Array.isArray(value);
  const names = isObject ? Object.keys(value) : [];
  if (!isObject || names.length > ENTITIES_MAX) {
    const message = `must be an object of at most ${ENTITIES_MAX} entity keys and ids`;
    details.push({ field: "entities", message });
    return undefined;
  }
  const ids: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const name of names) {
    const id = optionalText(
      (value as Record<string, unknown>)[name],
      `entities.${name.slice(0, 128)}`,
      details,
    );
    if (id !== undefined) ids[name] = id;
  }
  return ids;
}

function boundedText(value: string, field: string, details: ErrorDetail[]): string {
  if (value.length > ID_LENGTH_MAX)
    details.push({ field, message: `must have at most ${ID_LENGTH_MAX} characters` });
  return value;
}

function optionalTimeout(value: unknown, details: ErrorDetail[]): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && value > 0 && value <= TIMEOUT_MS_MAX) return value;
  details.push({ field: "timeout_ms", message: `must be a number above 0, at most ${TIMEOUT_MS_MAX}` });
  return undefined;
}

/** true asks for as many features as are usual. */
function optionalExplain(value: unknown, details: ErrorDetail[]): number {
  if (value === undefined || value === null || value === false) return 0;
  if (value === true) return TOP_FEATURES_DEFAULT;
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= FEATURES_MAX)
    return value as number;
  details.push({
    field: "explain",
    message: `must be true, false or a number of features (1 to ${FEATURES_MAX})`,
  });
  return 0;
}

export interface PredictorOptions {
  readonly models: Models;
  readonly explainer: Explainer;
  readonly dispatcher: Dispatcher;
  readonly stage: FeatureStage;
  readonly errors: CountErrors;
}

export class Predictor {
  /** Of the rows that ask for it. */
  readonly explainer: Explainer;
  readonly #models: Models;
  readonly #dispatcher: Dispatcher;
  readonly #stage: FeatureStage;
  readonly #errors: CountErrors;
  #isClosing = false;
  /** The one that was asked last. */
  #model: ServedModel | undefined;

  constructor({ models, explainer, dispatcher, stage, errors }: PredictorOptions) {
    this.explainer = explainer;
    this.#models = models;
    this.#dispatcher = dispatcher;
    this.#stage = stage;
    this.#errors = errors;
  }

  /** Rows that may be submitted before QUEUE_FULL. */
  get room(): number {
    return this.#dispatcher.room - this.#stage.waiting;
  }

  /** How features probably are, of the next request: as those of the one before. */
  get likelyPlan(): FeaturePlan | undefined {
    return this.#model?.lookup === undefined ? this.#model?.featurePlan : undefined;
  }

  /** Rows that may be in the engine at once. */
  get rowsMax(): number {
    return this.#dispatcher.rowsMax;
  }

  /**
   * Accepts one row for `model` (default: the only one in production) in `version` (default: production; a version
   * or an alias). Exactly one of the row's `answer` and `fail` is called later, unless this throws.
   * @throws EngineError MODEL_NOT_FOUND, INVALID_REQUEST, INVALID_FEATURES, QUEUE_FULL, NOT_READY, SHUTTING_DOWN.
   */
  submit(model: string | undefined, version: string | undefined, features: unknown, row: Row): void {
    const batcher = this.route(model, version, row);
    this.#model = batcher.model;
    try {
      this.#accept(batcher, features, row);
    } catch (error) {
      this.refused(batcher.model, row, error);
      throw error;
    }
  }

  /**
   * What a request goes to, for those that submit several rows to it. What it refuses is counted.
   * @throws EngineError MODEL_NOT_FOUND, INVALID_REQUEST, NOT_READY, SHUTTING_DOWN.
   */
  route(
    model: string | undefined,
    version: string | undefined,
    row: Pick<Row, "source"> & SplitKey,
  ): Batcher {
    try {
      if (this.#isClosing)
        throw new EngineError("SHUTTING_DOWN", "this engine is stopping; send the request to another");
      return this.#models.route(model, version, row);
    } catch (error) {
      const { code } = toEngineError(error);
      // only of a model that is known is it said that it is not ready: names stay bounded
      const named = code === "NOT_READY" && model !== undefined ? { name: model, version: "" } : undefined;
      this.#errors.count(named, row.source, code);
      throw error;
    }
  }

  /** Counts a request for `model` that was refused. */
  refused(
    model: ServedModel,
    { source, arrivedMs }: Pick<Row, "source" | "arrivedMs">,
    error: unknown,
  ): void {
    const { code } = toEngineError(error);
    const nowMs = performance.now();
    this.#errors.count(model.manifest, source, code);
    model.statistics.failed(code, nowMs - arrivedMs);
    model.window?.failed(code, 1, nowMs);
  }

  /**
   * Accepts the rows of one request, all or none.
   * @param sourceOf what is written for row `index`, used at once.
   * @throws EngineError QUEUE_FULL; INVALID_FEATURES of the first row, when what it says is not checked beforehand.
   */
  submitRows(batcher: Batcher, rows: readonly Row[], sourceOf: (index: number) => unknown): void {
    if (rows.length > this.room)
      throw new EngineError("QUEUE_FULL", "the queue has no room for that many rows; try again later");
    const { lookup } = batcher.model;
    if (lookup !== undefined)
      for (const [index, row] of rows.entries()) checkEntities(lookup, sourceOf(index), row);
    for (let index = 0; index < rows.length; index++)
      this.#accept(batcher, sourceOf(index), rows[index] as Row);
  }

  #accept(batcher: Batcher, features: unknown, row: Row): void {
    const { lookup } = batcher.model;
    if (lookup === undefined) return this.#dispatcher.accept(batcher, row, features);
    if (this.room <= 0)
      throw new EngineError("QUEUE_FULL", "rows are waiting up to the limit; try again later");
    this.#stage.add(batcher, lookup, row, features instanceof RowSource ? features.parse() : features);
  }

  /**
   * Says whether a batch request of so many rows for one model has room.
   * @throws EngineError QUEUE_FULL, counted for each row, and what `submit` throws of a model that is not there.
   */
  checkRoom(model: string | undefined, version: string | undefined, rows: number): void {
    if (rows <= this.room) return;
    const { manifest, statistics } = this.#models.route(model, version).model;
    this.#errors.count(manifest, "batch", "QUEUE_FULL", rows);
    statistics.failed("QUEUE_FULL", 0, rows);
    throw new EngineError("QUEUE_FULL", "the queue has no room for that many rows; try again later");
  }

  /** Refuses new rows from now on. */
  close(): void {
    this.#isClosing = true;
  }
}
