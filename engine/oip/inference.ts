// hot path
/**
 * Inference requests of the Open Inference Protocol: their rows join the batches of everybody's rows, are logged like them, and
 * come back as tensors. A request's rows go to one version, and are answered or fail together.
 *
 *     tensors → input-rows → submitRows → … → pending-inference → response
 */

import type { InferParameters } from "../contract/open-inference.ts";
import { EngineError } from "../core/errors.ts";
import type { TensorSpec } from "../core/tensor.ts";
import type { Models } from "../models.ts";
import { type Predictor, TIMEOUT_MS_MAX } from "../predict.ts";
import type { ServedModel } from "../served-model.ts";
import { GatheredExplanations } from "./gathered-explanations.ts";
import type { InferCall } from "./infer-call.ts";
import type { InferRequest } from "./infer-request.ts";
import { toInputRows } from "./input-rows.ts";
import { PendingInference } from "./pending-inference.ts";

export interface InferenceOptions {
  readonly predictor: Predictor;
  readonly models: Models;
  /** Rows of one request, as configured. */
  readonly instancesMax: number;
}

/** Rows of one request that is explained. */
const EXPLAINED_ROWS_MAX = 100;
const US_PER_MS = 1000;
const ENTITY_LENGTH_MAX = 128;

export class Inference {
  readonly #options: InferenceOptions;

  constructor(options: InferenceOptions) {
    this.#options = options;
  }

  /** Rows of one request, at most. */
  get rowsMax(): number {
    const { instancesMax, predictor } = this.#options;
    return Math.min(instancesMax, predictor.rowsMax);
  }

  /**
   * Accepts a request; its answer or failure comes later, through `call`.
   * @throws EngineError MODEL_NOT_FOUND, NOT_READY, SHUTTING_DOWN, QUEUE_FULL, INVALID_REQUEST, INVALID_FEATURES.
   */
  infer(request: InferRequest, call: InferCall): void {
    this.#submit(request, call, () => undefined, this.rowsMax);
  }

  /**
   * Accepts a request whose rows are explained, once they are predicted and logged: what each input contributes to each row
   * comes beside the outputs.
   * @throws EngineError UNSUPPORTED for a model of tensors; and as `infer`.
   */
  explain(request: InferRequest, call: InferCall): void {
    const { explainer } = this.#options.predictor;
    const explanations = (model: ServedModel): GatheredExplanations => {
      if (model.tensorPlan === undefined) return new GatheredExplanations(model, explainer);
      throw new EngineError(
        "UNSUPPORTED",
        "models of tensors are not explained: only those that take features are",
      );
    };
    this.#submit(request, call, explanations, EXPLAINED_ROWS_MAX);
  }

  #submit(
    request: InferRequest,
    call: InferCall,
    explanationsOf: (model: ServedModel) => GatheredExplanations | undefined,
    rowsMax: number,
  ): void {
    const { predictor } = this.#options;
    const entityId = entityOf(request.parameters);
    const key = { source: call.source, requestId: request.id || call.idempotencyKey, entityId };
    const batcher = predictor.route(call.model, call.version, key);
    const { model } = batcher;
    let pending: PendingInference | undefined;
    try {
      const explanations = explanationsOf(model);
      const rows = toInputRows(model, request.inputs, rowsMax);
      pending = new PendingInference({
        request,
        call,
        entityId,
        model,
        rows: rows.count,
        entitiesOf: rows.entitiesOf,
        outputs: wantedOutputs(model, request),
        deadlineMs: deadlineOf(request.parameters, call),
        priority: priorityOf(request.parameters),
        explanations,
      });
      predictor.submitRows(batcher, pending.rows, rows.sourceOf);
    } catch (error) {
      pending?.abandon();
      predictor.refused(model, call, error);
      throw error;
    }
  }

  /** The tensors of the model that a request goes to now. @throws EngineError MODEL_NOT_FOUND, NOT_READY. */
  tensorsOf(model: string, version: string | undefined): ServedModel["tensors"] {
    return this.#options.models.route(model, version).model.tensors;
  }
}

function wantedOutputs({ tensors }: ServedModel, { outputs }: InferRequest): readonly TensorSpec[] {
  if (outputs === undefined || outputs.length === 0) return tensors.outputs;
  return outputs.map(({ name }) => {
    const spec = tensors.outputs.find((output) => output.name === name);
    if (spec !== undefined) return spec;
    const names = tensors.outputs.map((output) => JSON.stringify(output.name)).slice(0, 10);
    const message = `${JSON.stringify(name.slice(0, 128))} is no output of this model, which gives ${names.join(", ")}`;
    throw new EngineError("INVALID_REQUEST", `outputs: ${message}`, {
      details: [{ field: "outputs", message }],
    });
  });
}

/** `timeout` is in microseconds; 0, and none: the engine's own. */
function deadlineOf({ timeout }: InferParameters, { arrivedMs, timeoutMs }: InferCall): number {
  if (timeout === undefined || timeout === 0) return arrivedMs + timeoutMs;
  const ms = wholeOf("timeout", timeout, Number.MAX_SAFE_INTEGER) / US_PER_MS;
  return arrivedMs + Math.min(ms, TIMEOUT_MS_MAX);
}

/** 0: the default. */
function priorityOf({ priority }: InferParameters): number {
  return priority === undefined ? 0 : wholeOf("priority", priority, Number.MAX_SAFE_INTEGER);
}

function wholeOf(name: string, value: InferParameters[string] | undefined, max: number): number {
  const number = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isInteger(number) && number >= 0 && number <= max) return number;
  throw parameterInvalid(name, `must be a whole number from 0 to ${max}`);
}

function entityOf({ entity_id }: InferParameters): string {
  if (entity_id === undefined) return "";
  if (typeof entity_id === "string" && entity_id.length <= ENTITY_LENGTH_MAX) return entity_id;
  throw parameterInvalid("entity_id", `must be a string of at most ${ENTITY_LENGTH_MAX} characters`);
}

function parameterInvalid(name: string, message: string): EngineError {
  return new EngineError("INVALID_REQUEST", `parameters.${name} ${message}`, {
    details: [{ field: `parameters.${name}`, message }],
  });
}
