// hot path
/**
 * A request of rows on its way through batches, and its answer: outputs are gathered row by row as batches are answered, and leave
 * with the last. The first row that fails fails the request.
 */
import type { Batch, Row } from "../batch.ts";
import type { InferParameters } from "../contract/open-inference.ts";
import { EngineError, messageOf, toEngineError } from "../core/errors.ts";
import type { Source } from "../core/prediction.ts";
import { elementsIn, type Tensor, type TensorSpec } from "../core/tensor.ts";
import { uuidText } from "../core/uuid.ts";
import type { ServedModel } from "../served-model.ts";
import type { GatheredExplanations } from "./gathered-explanations.ts";
import type { InferCall } from "./infer-call.ts";
import type { InferRequest } from "./infer-request.ts";
import type { InferResponse } from "./infer-response.ts";
import type { InputRows } from "./input-source.ts";

export interface PendingOptions {
  readonly request: InferRequest;
  readonly call: InferCall;
  readonly entityId: string;
  readonly model: ServedModel;
  readonly rows: number;
  readonly entitiesOf?: InputRows["entitiesOf"];
  readonly outputs: readonly TensorSpec[];
  readonly deadlineMs: number;
  readonly priority: number;
  /** Where the rows are explained too. */
  readonly explanations?: GatheredExplanations | undefined;
}

export class PendingInference {
  readonly rows: readonly Row[];
  readonly options: PendingOptions;
  /** One of the outputs that is not read from the batch's floats. */
  readonly wantsTensors: boolean;
  readonly #gathered: readonly Gathered[];
  readonly #predictionIds: string[] | undefined;
  #missing: number;
  #isOver = false;

  constructor(options: PendingOptions) {
    const { model, rows, outputs, request } = options;
    this.options = options;
    this.#gathered = outputs.map((spec) =>
      isReadFromFloats(model, spec)
        ? new GatheredFloats(spec, rows, model.outputWidth)
        : new GatheredTensor(spec, rows),
    );
    this.wantsTensors = this.#gathered.some((output) => output instanceof GatheredTensor);
    this.#predictionIds = rows === 1 || request.parameters["prediction_ids"] === true ? [] : undefined;
    this.#missing = rows;
    this.rows = Array.from({ length: rows }, (_, index) => new PendingRow(this, index));
  }

  answer(batch: Batch, index: number, row: number): void {
    if (this.#isOver) return;
    try {
      for (const output of this.#gathered) output.take(batch, index, row);
      this.options.explanations?.take(batch, index, row, this.options);
    } catch (error) {
      return this.fail(error as EngineError);
    }
    if (this.#predictionIds !== undefined) this.#predictionIds[row] = uuidText(batch.ids, index * 16);
    if (--this.#missing > 0) return;
    const { model, request, explanations } = this.options;
    const response: InferResponse = {
      model_name: model.manifest.name,
      model_version: model.manifest.version,
      id: request.id,
      parameters: this.#parameters(batch),
      outputs: this.#gathered.map((output) => output.toTensor()),
    };
    if (explanations === undefined) this.#answer(response);
    else
      explanations.explain(response).then(
        (explained) => this.#answer(explained),
        (error: unknown) => this.fail(toEngineError(error)),
      );
  }

  #answer(response: InferResponse): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { call } = this.options;
    try {
      call.answer(response);
    } catch (error) {
      const message = `the answer cannot be sent (${messageOf(error)}): ask for fewer rows or outputs, or for binary data`;
      call.fail(new EngineError("PAYLOAD_TOO_LARGE", message, { cause: error }));
    }
  }

  /** The request was refused after some of its rows were accepted: what becomes of them is not told. */
  abandon(): void {
    this.#isOver = true;
  }

  fail(error: EngineError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.options.call.fail(error);
  }

  /** What labels and canaries know a prediction by. */
  #parameters({ naming }: Batch): InferParameters {
    const ids = this.#predictionIds;
    return {
      ...(ids === undefined
        ? undefined
        : { [ids.length === 1 ? "prediction_id" : "prediction_ids"]: ids.join(",") }),
      ...(naming.variant === "" ? undefined : { variant: naming.variant }),
    };
  }
}

/** What predictions are read from is in every batch, as floats. */
function isReadFromFloats(
  { manifest, outputWidth }: ServedModel,
  { name, datatype, shape }: TensorSpec,
): boolean {
  const isRead = manifest.tensors === undefined && manifest.outputs[0]?.name === name;
  return isRead && datatype === "FP32" && elementsIn(shape.slice(1)) === outputWidth;
}

class PendingRow implements Row {
  readonly #pending: PendingInference;
  readonly #index: number;

  constructor(pending: PendingInference, index: number) {
    this.#pending = pending;
    this.#index = index;
  }

  get source(): Source {
    return this.#pending.options.call.source;
  }

  /** Rows of one request are told apart by their number. */
  get requestId(): string {
    const { request, rows } = this.#pending.options;
    return request.id === "" || rows === 1 ? request.id : `${request.id}:${this.#index}`;
  }

  get entityId(): string {
    return this.#pending.options.entityId;
  }

  get arrivedMs(): number {
    return this.#pending.options.call.arrivedMs;
  }

  get deadlineMs(): number {
    return this.#pending.options.deadlineMs;
  }

  get priority(): number {
    return this.#pending.options.priority;
  }

  get entities(): Row["entities"] {
    return this.#pending.options.entitiesOf?.(this.#index);
  }

  get wantsTensors(): boolean {
    return this.#pending.wantsTensors;
  }

  /** The request is counted with its first row. */
  get isFollower(): boolean {
    return this.#index > 0;
  }

  get idempotencyKey(): string {
    const { idempotencyKey } = this.#pending.options.call;
    return idempotencyKey === "" ? "" : `${idempotencyKey}\n${this.#index}`;
  }

  answer(batch: Batch, index: number): void {
    this.#pending.answer(batch, index, this.#index);
  }

  fail(error: EngineError): void {
    this.#pending.fail(error);
  }
}

interface Gathered {
  /** Takes row `row` of the request from row `index` of a batch. @throws EngineError INFERENCE_FAILED */
  take(batch: Batch, index: number, row: number): void;
  toTensor(): Tensor;
}

class GatheredFloats implements Gathered {
  readonly #spec: TensorSpec;
  readonly #rows: number;
  readonly #width: number;
  /** Out of the pool of small buffers: a typed array of its own costs as much as the prediction. */
  readonly #bytes: Buffer;

  constructor(spec: TensorSpec, rows: number, width: number) {
    this.#spec = spec;
    this.#rows = rows;
    this.#width = width;
    this.#bytes = Buffer.allocUnsafe(rows * width * 4);
  }

  take({ outputs }: Batch, index: number, row: number): void {
    const width = this.#width;
    for (let column = 0; column < width; column++)
      this.#bytes.writeFloatLE(outputs[index * width + column] as number, (row * width + column) * 4);
  }

  toTensor(): Tensor {
    const { name, datatype, shape } = this.#spec;
    return { name, datatype, shape: [this.#rows, ...shape.slice(1)], data: this.#bytes };
  }
}

class GatheredTensor implements Gathered {
  readonly #spec: TensorSpec;
  readonly #parts: Tensor["data"][];
  /** Of a row; undefined before the first. */
  #shape: readonly number[] | undefined;

  constructor(spec: TensorSpec, rows: number) {
    this.#spec = spec;
    this.#parts = Array.from({ length: rows }, () => []);
  }

  take({ tensors, tensorsByRow, count }: Batch, index: number, row: number): void {
    const { name } = this.#spec;
    const own = tensorsByRow?.[index];
    const tensor = (own ?? tensors)?.find((candidate) => candidate.name === name);
    const shape = this.#shape ?? tensor?.shape.slice(1) ?? [];
    if (tensor === undefined || !shape.every((size, at) => size === tensor.shape[at + 1]))
      throw new EngineError(
        "INFERENCE_FAILED",
        `the output ${JSON.stringify(name)} has rows of different shapes in this request; send the rows alone`,
      );
    this.#shape = shape;
    const size = own === undefined ? tensor.data.length / count : tensor.data.length;
    const start = own === undefined ? index * size : 0;
    this.#parts[row] =
      tensor.data instanceof Uint8Array
        ? tensor.data.subarray(start, start + size)
        : tensor.data.slice(start, start + size);
  }

  toTensor(): Tensor {
    const { name, datatype } = this.#spec;
    const shape = [this.#parts.length, ...(this.#shape ?? [])];
    if (datatype === "BYTES")
      return { name, datatype, shape, data: this.#parts.flatMap((part) => part as string[]) };
    return { name, datatype, shape, data: Buffer.concat(this.#parts as Uint8Array[]) };
  }
}
