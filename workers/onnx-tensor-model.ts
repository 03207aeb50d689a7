/**
 * Runs ONNX models of tensors: rows as the layout has them in, all outputs as tensors out. hot path
 *
 * Of its outputs the first number of each row is written as the prediction's value, NaN where that is no number. Invariant: calls
 * run one after the other. Bound: CALL_ROWS_MAX rows per call of ONNX Runtime; the batcher's rows a batch.
 */
import type { InferenceSession } from "onnxruntime-node";
import { toValues } from "../engine/core/elements.ts";
import { EngineError } from "../engine/core/errors.ts";
import {
  DATATYPES,
  elementsIn,
  type ModelTensors,
  type Tensor,
  type TensorSpec,
} from "../engine/core/tensor.ts";
import { type LaidTensor, layTensors, type TensorLayout } from "../engine/core/tensor-layout.ts";
import { modelInvalid, quoted, toModelInvalid } from "./model-invalid.ts";
import type { OnnxGraph } from "./onnx-inspect.ts";
import { fromOnnxTensor, joinTensors, tensorsOf, toOnnxTensor } from "./onnx-tensors.ts";
import type { LoadedModel, TensorCall } from "./runtime.ts";

const FILE = "model.onnx";
const CALL_ROWS_MAX = 256;
const WARM_ROWS = [1, 3] as const;

/**
 * @param session is closed when the model is refused.
 * @throws EngineError MODEL_INVALID naming the tensor of model.json that the graph has not, or has otherwise.
 */
export async function loadTensorModel(
  tensors: ModelTensors,
  graph: OnnxGraph,
  session: InferenceSession,
): Promise<LoadedModel> {
  const model = new OnnxTensorModel(session, tensors);
  try {
    const found = tensorsOf(graph);
    checkSide("inputs", tensors.inputs, found.inputs);
    checkSide("outputs", tensors.outputs, found.outputs);
    const missing = found.inputs.filter(({ name }) => !tensors.inputs.some((input) => input.name === name));
    if (missing.length > 0 || graph.inputs.length > found.inputs.length)
      throw modelInvalid(
        "tensors.inputs",
        `model.onnx also takes ${quoted(missing.map(({ name }) => name))}. List every input.`,
      );
    await warmUp(model);
    return model;
  } catch (error) {
    await model.close();
    throw error;
  }
}

function checkSide(
  side: keyof ModelTensors,
  said: readonly TensorSpec[],
  found: readonly TensorSpec[],
): void {
  for (const [index, { name, datatype, shape }] of said.entries()) {
    const field = `tensors.${side}.${index}`;
    const value = found.find((candidate) => candidate.name === name);
    if (value === undefined) {
      const names = quoted(found.map((other) => other.name));
      throw modelInvalid(`${field}.name`, `model.onnx has no such tensor. Its ${side}: ${names}.`);
    }
    if (value.datatype !== datatype)
      throw modelInvalid(
        `${field}.datatype`,
        `model.onnx has ${value.datatype}. Say so here, or change the graph.`,
      );
    const isShape =
      value.shape.length === 1 || // the file does not say
      (value.shape.length === shape.length &&
        value.shape.every((size, at) => size === -1 || size === shape[at]));
    if (!isShape)
      throw modelInvalid(
        `${field}.shape`,
        `model.onnx has [${value.shape.join(", ")}]. Say so here, or change the graph.`,
      );
  }
}

/** Zeros and empty texts: whether it runs, and gives as many rows as it took. */
async function warmUp(model: OnnxTensorModel): Promise<void> {
  const { width, texts } = model.layout;
  for (const rows of WARM_ROWS) {
    const call: TensorCall = { texts: Array.from({ length: rows * texts }, () => "") };
    try {
      await model.predict(new Float32Array(rows * width), rows, new Float32Array(rows), call);
    } catch (error) {
      throw toModelInvalid(
        error,
        FILE,
        `the model fails on ${rows} row(s) of zeros and empty texts; mend it`,
      );
    }
  }
}

class OnnxTensorModel implements LoadedModel {
  readonly tensors: ModelTensors;
  readonly layout: TensorLayout;
  readonly #session: InferenceSession;
  readonly #names: readonly string[];
  #tail: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(session: InferenceSession, tensors: ModelTensors) {
    this.tensors = tensors;
    this.layout = layTensors(tensors.inputs);
    this.#session = session;
    this.#names = tensors.outputs.map(({ name }) => name);
  }

  predict(features: Float32Array, rows: number, outputs: Float32Array, call?: TensorCall): Promise<void> {
    if (this.#closing !== undefined)
      return Promise.reject(new EngineError("NOT_READY", "the model is closed"));
    const run = this.#tail.then(() => this.#run(features, rows, outputs, call ?? { texts: [] }));
    this.#tail = run.catch(() => undefined);
    return run;
  }

  close(): Promise<void> {
    this.#closing ??= this.#tail.then(() => this.#session.release());
    return this.#closing;
  }

  async #run(features: Float32Array, rows: number, outputs: Float32Array, call: TensorCall): Promise<void> {
    const bytes = new Uint8Array(features.buffer, features.byteOffset, features.byteLength);
    const parts: Tensor[][] = [];
    for (let first = 0; first < rows; first += CALL_ROWS_MAX) {
      const count = Math.min(rows - first, CALL_ROWS_MAX);
      const feeds = Object.fromEntries(
        this.layout.tensors.map((input) => [
          input.name,
          toOnnxTensor({ ...input, ...this.#rowsOf(input, bytes, call.texts, first, count) }),
        ]),
      );
      const results = await this.#session.run(feeds, this.#names);
      parts.push(this.#names.map((name) => fromOnnxTensor(name, results[name], count)));
    }
    call.outputs = this.#names.map((_, output) => joinTensors(parts.map((part) => part[output] as Tensor)));
    writeValues(call.outputs[0] as Tensor, rows, outputs);
  }

  /** Rows of one input, gathered from those of the batch. */
  #rowsOf(
    { shape, datatype, elements, bytes: size, offset }: LaidTensor,
    rows: Uint8Array,
    texts: readonly string[],
    first: number,
    count: number,
  ): Pick<Tensor, "shape" | "data"> {
    const whole = [count, ...shape.slice(1)];
    if (datatype === "BYTES") {
      const stride = this.layout.texts;
      const data: string[] = [];
      for (let row = first; row < first + count; row++)
        for (let index = 0; index < elements; index++) data.push(texts[row * stride + offset + index] ?? "");
      return { shape: whole, data };
    }
    const stride = this.layout.width * 4;
    const data = new Uint8Array(count * size);
    for (let row = 0; row < count; row++) {
      const start = (first + row) * stride + offset;
      data.set(rows.subarray(start, start + size), row * size);
    }
    return { shape: whole, data };
  }
}

/** The first number of each row; NaN for texts and rows of nothing. */
function writeValues({ datatype, shape, data }: Tensor, rows: number, values: Float32Array): void {
  const width = elementsIn(shape.slice(1));
  const size = DATATYPES[datatype];
  for (let row = 0; row < rows; row++) {
    const isNumber = data instanceof Uint8Array && width > 0;
    const at = row * width * size;
    values[row] = isNumber ? Number(toValues(datatype, data.subarray(at, at + size))[0]) : Number.NaN;
  }
}
