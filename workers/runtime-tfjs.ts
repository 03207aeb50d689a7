/**
 * Runs TensorFlow.js layers and graph models. hot path
 *
 * The model is loaded from memory; the library itself comes in with the first such model. A call is synchronous
 * from its first tensor to its last, inside one tidy scope: nothing it makes outlives it.
 */

import type { GraphModel } from "@tensorflow/tfjs-converter";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import { bytesOf } from "../engine/core/elements.ts";
import { EngineError } from "../engine/core/errors.ts";
import { inputWidth, type ModelManifest, outputWidth } from "../engine/core/manifest.ts";
import type { Datatype, ModelTensors } from "../engine/core/tensor.ts";
import { modelInvalid, OutputShapeError, toModelInvalid } from "./model-invalid.ts";
import type { LoadedModel, ModelArtifact, Runtime, TensorCall } from "./runtime.ts";
import { loadTfjs, type Tfjs } from "./tfjs-backend.ts";
import { bindTfjs, type TfjsBinding, type TfjsColumn, type TfjsSignature } from "./tfjs-binding.ts";
import { readTfjsFiles, TFJS_FILE, type TfjsFiles } from "./tfjs-files.ts";
import { warmUp } from "./warm-up.ts";

/** A model of either kind behind one call. */
interface Network {
  readonly signature: TfjsSignature;
  /** `output`: index in `signature.outputs`. The caller owns the tidy scope. */
  run(inputs: Tensor[], output: number): Tensor;
  dispose(): void;
}

export const tfjsRuntime: Runtime = {
  async load({ manifest, files, exampleRow }: ModelArtifact): Promise<LoadedModel> {
    if (manifest.runtime !== "tfjs") {
      throw modelInvalid("runtime", `this is a model for "${manifest.runtime}", not for "tfjs".`);
    }
    const content = readTfjsFiles(files);
    const tfjs = await loadTfjs();
    const network = await loadNetwork(tfjs, content);
    try {
      const model = new TfjsModel(tfjs, network, bindTfjs(manifest, network.signature), manifest);
      await warmUp(model, manifest, TFJS_FILE, exampleRow);
      return model;
    } catch (error) {
      network.dispose();
      throw error;
    }
  },
};

async function loadNetwork(tfjs: Tfjs, { kind, artifacts }: TfjsFiles): Promise<Network> {
  try {
    const handler = { load: () => Promise.resolve(artifacts) };
    return kind === "graph"
      ? graphNetwork(await tfjs.converter.loadGraphModel(handler))
      : layersNetwork(await tfjs.layers.loadLayersModel(handler));
  } catch (error) {
    throw toModelInvalid(
      error,
      TFJS_FILE,
      `TensorFlow.js refuses this ${kind} model; export it again, without custom or Lambda layers and operators`,
    );
  }
}

function layersNetwork(model: LayersModel): Network {
  const describe = (tensors: LayersModel["inputs"]): TfjsSignature["inputs"] =>
    tensors.map((tensor) => ({
      names: [...new Set([tensor.sourceLayer.name, tensor.originalName ?? tensor.name, tensor.name])],
      dtype: tensor.dtype,
      shape: tensor.shape.map((size) => size ?? undefined),
    }));
  return {
    signature: { inputs: describe(model.inputs), outputs: describe(model.outputs) },
    run(inputs, output) {
      const result = model.predictOnBatch(inputs);
      const tensor = Array.isArray(result) ? result[output] : result;
      if (tensor === undefined) throw new Error(`the model gave no output ${output}`);
      return tensor;
    },
    dispose: () => void model.dispose(),
  };
}

function graphNetwork(model: GraphModel): Network {
  const signature = model.modelSignature as SignatureDef | undefined;
  const describe = (
    tensors: GraphModel["inputs"],
    entries: SignatureDef["inputs"],
  ): TfjsSignature["inputs"] =>
    tensors.map(({ name, dtype, shape }) => ({
      names: [name, ...aliases(name, entries)],
      dtype,
      ...(shape === undefined ? {} : { shape: shape.map((size) => (size > 0 ? size : undefined)) }),
    }));
  const inputs = model.inputs;
  const outputs = model.outputs;
  return {
    signature: {
      inputs: describe(inputs, signature?.inputs),
      outputs: describe(outputs, signature?.outputs),
    },
    run(tensors, output) {
      const feeds = Object.fromEntries(inputs.map(({ name }, index) => [name, tensors[index] as Tensor]));
      const result = model.execute(feeds, outputs[output]?.name ?? "");
      return Array.isArray(result) ? (result[0] as Tensor) : result;
    },
    dispose: () => model.dispose(),
  };
}

interface SignatureDef {
  readonly inputs?: Readonly<Record<string, { readonly name?: string }>>;
  readonly outputs?: Readonly<Record<string, { readonly name?: string }>>;
}

/** The names that the exporter's signature gives to a tensor. */
function aliases(name: string, entries: SignatureDef["inputs"]): string[] {
  const plain = name.replace(/:0$/, "");
  const isSame = (other: string | undefined): boolean => other?.replace(/:0$/, "") === plain;
  const keys = Object.entries(entries ?? {}).filter(([key, info]) => isSame(info.name ?? key));
  return [plain, ...keys.map(([key]) => key)];
}

class TfjsModel implements LoadedModel {
  readonly tensors: ModelTensors;
  readonly #core: Tfjs["core"];
  readonly #network: Network;
  readonly #binding: TfjsBinding;
  readonly #stride: number;
  readonly #width: number;
  #isClosed = false;

  constructor({ core }: Tfjs, network: Network, binding: TfjsBinding, manifest: ModelManifest) {
    this.#core = core;
    this.#network = network;
    this.#binding = binding;
    this.#stride = inputWidth(manifest);
    this.#width = outputWidth(manifest);
    this.tensors = tensorsOf(manifest, binding, network.signature);
  }

  async predict(
    features: Float32Array,
    rows: number,
    outputs: Float32Array,
    wanted?: TensorCall,
  ): Promise<void> {
    if (this.#isClosed) throw new EngineError("NOT_READY", "the model is closed");
    if (features.length < rows * this.#stride || outputs.length < rows * this.#width) {
      throw new RangeError(
        `${features.length} features and ${outputs.length} outputs are too few for ${rows} rows`,
      );
    }
    if (rows === 0) return;
    const [values, shape] = this.#core.tidy(() => {
      const inputs = this.#binding.columns.map((column) => this.#tensor(column, features, rows));
      const output = this.#network.run(inputs, this.#binding.output);
      if (output.shape[0] !== rows || output.size !== rows * this.#width) {
        throw new OutputShapeError(output.shape, rows, this.#width);
      }
      return [output.dataSync(), output.shape] as const;
    });
    outputs.set(values);
    if (wanted !== undefined)
      wanted.outputs = this.tensors.outputs.map((spec) => ({
        ...spec,
        shape,
        data: bytesOf(Float32Array.from(values)),
      }));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#network.dispose();
  }

  /** Copies: the library may keep the array that a tensor is made from. */
  #tensor({ offset, width, dtype }: TfjsColumn, features: Float32Array, rows: number): Tensor {
    const { tensor2d } = this.#core;
    const stride = this.#stride;
    if (width === stride && dtype === "float32")
      return tensor2d(features.slice(0, rows * width), [rows, width]);
    const cells = dtype === "float32" ? new Float32Array(rows) : new Int32Array(rows);
    for (let row = 0; row < rows; row += 1) {
      const value = features[row * stride + offset] ?? Number.NaN;
      if (dtype !== "float32" && !Number.isInteger(value))
        throw new Error(`input ${offset}: ${value} is no whole number`);
      cells[row] = value;
    }
    return dtype === "bool"
      ? tensor2d(Uint8Array.from(cells), [rows, 1], dtype)
      : tensor2d(cells, [rows, 1], dtype);
  }
}

const DATATYPES: Readonly<Record<TfjsColumn["dtype"], Datatype>> = {
  float32: "FP32",
  int32: "INT32",
  bool: "BOOL",
};

/** Its inputs, and of its outputs the one that is read, under the manifest's names. */
function tensorsOf(manifest: ModelManifest, binding: TfjsBinding, { inputs }: TfjsSignature): ModelTensors {
  const nameOf = (column: TfjsColumn): string =>
    column.width > 1 || manifest.input_tensor !== undefined
      ? (manifest.input_tensor ?? inputs[0]?.names[0] ?? "")
      : (manifest.inputs[column.offset]?.name ?? "");
  const isList = manifest.outputs[0]?.type === "probabilities";
  return {
    inputs: binding.columns.map((column) => ({
      name: nameOf(column),
      datatype: DATATYPES[column.dtype],
      shape: [-1, column.width],
    })),
    outputs: manifest.outputs.map(({ name }) => ({
      name,
      datatype: "FP32",
      shape: [-1, isList ? outputWidth(manifest) : 1],
    })),
  };
}
