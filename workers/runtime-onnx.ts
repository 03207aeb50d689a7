/**
 * Runs ONNX models on the CPU with ONNX Runtime. hot path
 *
 * The file is inspected and compared with model.json before ONNX Runtime sees a byte of it. A worker thread is
 * the unit of parallelism, so a session has one thread of its own. Invariant: calls of one model run one after
 * the other, because they share its buffers. Bound: CALL_ROWS_MAX rows per call of the library; a larger batch
 * is split.
 */
import { InferenceSession, type Tensor } from "onnxruntime-node";
import { EngineError } from "../engine/core/errors.ts";
import { inputWidth, type ModelManifest } from "../engine/core/manifest.ts";
import type { ModelTensors, Tensor as NamedTensor } from "../engine/core/tensor.ts";
import { modelInvalid, OutputShapeError, quoted, toModelInvalid } from "./model-invalid.ts";
import { bindOnnx, type OnnxBinding } from "./onnx-binding.ts";
import { createFeedWriter, type FeedWriter } from "./onnx-feeds.ts";
import { inspectOnnx } from "./onnx-inspect.ts";
import { loadTensorModel } from "./onnx-tensor-model.ts";
import { fromOnnxTensor, joinTensors, tensorsOf } from "./onnx-tensors.ts";
import type { LoadedModel, ModelArtifact, Runtime, TensorCall } from "./runtime.ts";
import { exampleRow as exampleRowOf, warmUp } from "./warm-up.ts";

const FILE = "model.onnx";
const CALL_ROWS_MAX = 256;

export const onnxRuntime: Runtime = {
  async load({ manifest, files, exampleRow }: ModelArtifact): Promise<LoadedModel> {
    const bytes = modelFile(manifest, files);
    const graph = inspectOnnx(bytes, FILE);
    if (manifest.tensors !== undefined)
      return loadTensorModel(manifest.tensors, graph, await createSession(bytes));
    const binding = bindOnnx(manifest, graph);
    const model = new OnnxModel(await createSession(bytes), binding, manifest, tensorsOf(graph));
    try {
      await warmUp(model, manifest, FILE, exampleRow);
      await model.tryOutputs(exampleRow ?? exampleRowOf(manifest));
    } catch (error) {
      await model.close();
      throw error;
    }
    return model;
  },
};

function modelFile(manifest: ModelManifest, files: ModelArtifact["files"]): Uint8Array {
  if (manifest.runtime !== "onnx") {
    throw modelInvalid("runtime", `this is a model for "${manifest.runtime}", not for "onnx".`);
  }
  const bytes = files.get(FILE);
  if (bytes !== undefined) return bytes;
  throw modelInvalid(FILE, `missing. Put the model there; the folder has ${quoted([...files.keys()])}.`);
}

async function createSession(bytes: Uint8Array): Promise<InferenceSession> {
  // the library takes plain memory only
  const plain = bytes.buffer instanceof ArrayBuffer ? bytes : Uint8Array.from(bytes);
  try {
    return await InferenceSession.create(plain, {
      executionProviders: ["cpu"],
      executionMode: "sequential",
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      graphOptimizationLevel: "all",
      logSeverityLevel: 4,
    });
  } catch (error) {
    throw toModelInvalid(
      error,
      FILE,
      "ONNX Runtime refuses the model; export it for an older opset or mend it",
    );
  }
}

class OnnxModel implements LoadedModel {
  tensors: ModelTensors;
  readonly #session: InferenceSession;
  readonly #feeds: FeedWriter;
  readonly #output: OnnxBinding["output"];
  readonly #outputNames: readonly string[];
  #allNames: readonly string[];
  readonly #rowsPerCall: number;
  readonly #stride: number;
  /** Settles when the last call that was accepted has ended. */
  #tail: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(
    session: InferenceSession,
    binding: OnnxBinding,
    manifest: ModelManifest,
    tensors: ModelTensors,
  ) {
    this.#session = session;
    this.tensors = tensors;
    this.#rowsPerCall = binding.isSingleRow ? 1 : CALL_ROWS_MAX;
    this.#stride = inputWidth(manifest);
    this.#feeds = createFeedWriter(binding.inputs, this.#stride, this.#rowsPerCall);
    this.#output = binding.output;
    this.#outputNames = [binding.output.name];
    this.#allNames = tensors.outputs.map(({ name }) => name);
  }

  /** Leaves out the outputs that have not a row for each row: nobody could be given his own. Before any other call. */
  async tryOutputs(row: Float32Array): Promise<void> {
    for (const rows of [1, Math.min(3, this.#rowsPerCall)]) {
      const features = Float32Array.from(
        { length: rows * row.length },
        (_, at) => row[at % row.length] as number,
      );
      const results = await this.#session.run(this.#feeds.fill(features, 0, rows), this.#allNames);
      this.#allNames = this.#allNames.filter((name) => results[name]?.dims[0] === rows);
    }
    const outputs = this.tensors.outputs.filter(({ name }) => this.#allNames.includes(name));
    this.tensors = { ...this.tensors, outputs };
  }

  predict(features: Float32Array, rows: number, outputs: Float32Array, wanted?: TensorCall): Promise<void> {
    if (this.#closing !== undefined)
      return Promise.reject(new EngineError("NOT_READY", "the model is closed"));
    const call = this.#tail.then(() => this.#run(features, rows, outputs, wanted));
    this.#tail = call.catch(() => undefined);
    return call;
  }

  close(): Promise<void> {
    this.#closing ??= this.#tail.then(() => this.#session.release());
    return this.#closing;
  }

  async #run(
    features: Float32Array,
    rows: number,
    outputs: Float32Array,
    wanted: TensorCall | undefined,
  ): Promise<void> {
    if (features.length < rows * this.#stride || outputs.length < rows * this.#output.width) {
      throw new RangeError(
        `${features.length} features and ${outputs.length} outputs are too few for ${rows} rows`,
      );
    }
    const names = wanted === undefined ? this.#outputNames : this.#allNames;
    const parts: NamedTensor[][] = [];
    for (let first = 0; first < rows; first += this.#rowsPerCall) {
      const count = Math.min(rows - first, this.#rowsPerCall);
      const feeds = this.#feeds.fill(features, first, count);
      const results = await this.#session.run(feeds, names);
      this.#read(results[this.#output.name], first, count, outputs);
      if (wanted !== undefined) parts.push(names.map((name) => fromOnnxTensor(name, results[name], count)));
    }
    if (wanted !== undefined)
      wanted.outputs = names.map((_, output) =>
        joinTensors(parts.map((part) => part[output] as NamedTensor)),
      );
  }

  #read(tensor: Tensor | undefined, first: number, rows: number, outputs: Float32Array): void {
    const { width } = this.#output;
    const data = tensor?.data;
    if (tensor === undefined || data?.length !== rows * width || tensor.dims[0] !== rows) {
      throw new OutputShapeError(tensor?.dims, rows, width);
    }
    const start = first * width;
    if (data instanceof Float32Array || data instanceof Float64Array) outputs.set(data, start);
    else for (let index = 0; index < data.length; index += 1) outputs[start + index] = Number(data[index]);
  }
}
