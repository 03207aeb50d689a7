/**
 * What the Open Inference Protocol tells of this server and its models: metadata, and the configuration as Triton's clients read it.
 */

import { PRIORITY_DEFAULT, PRIORITY_LEVELS } from "../batcher.ts";
import { isOptional } from "../core/model-input.ts";
import type { Datatype, TensorSpec } from "../core/tensor.ts";
import type { Models } from "../models.ts";
import type { ServedModel } from "../served-model.ts";
import { VERSION } from "../version.ts";

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

const EXTENSIONS = [
  "binary_tensor_data",
  "explanation",
  "model_configuration",
  "model_repository",
  "model_repository(unload_dependents)",
  "parameters",
  "schedule_policy",
  "statistics",
];
/** <project>_<format>, as Triton names its own. */
const PLATFORMS = { onnx: "onnxruntime_onnx", tfjs: "tensorflowjs_model" } as const;
const BACKENDS = { onnx: "onnxruntime", tfjs: "tensorflowjs" } as const;
const FILES = { onnx: "model.onnx", tfjs: "model.json" } as const;

export function serverMetadata(): ServerMetadata {
  return { name: "millrace", version: VERSION, extensions: EXTENSIONS };
}

/** @throws EngineError MODEL_NOT_FOUND, NOT_READY. */
export function modelMetadata(models: Models, name: string, version: string | undefined): ModelMetadata {
  const { manifest, tensors } = models.route(name, version).model;
  const versions = version === undefined ? versionsOf(models, name) : [manifest.version];
  return { name, versions, platform: PLATFORMS[manifest.runtime], ...tensors };
}

/** Whether a request for it would be taken now. */
export function isModelReady(models: Models, name: string, version: string | undefined): boolean {
  try {
    models.route(name, version);
    return true;
  } catch {
    return false;
  }
}

function versionsOf(models: Models, name: string): string[] {
  return models.served().flatMap(({ manifest }) => (manifest.name === name ? [manifest.version] : []));
}

/**
 * The configuration in Triton's form (ModelConfig as JSON); dimensions are without the rows.
 * @param rowsMax rows of one request.
 * @throws EngineError MODEL_NOT_FOUND, NOT_READY.
 */
export function modelConfig(
  models: Models,
  name: string,
  version: string | undefined,
  rowsMax: number,
): Record<string, unknown> {
  const { model } = models.route(name, version);
  const { runtime } = model.manifest;
  const { inputs, outputs } = model.tensors;
  return {
    name,
    platform: PLATFORMS[runtime],
    backend: BACKENDS[runtime],
    version_policy: { latest: { num_versions: 1 } },
    max_batch_size: rowsMax,
    input: inputs.map((spec) => ({ ...describe(spec), format: "FORMAT_NONE", ...optional(model, spec) })),
    output: outputs.map((spec) => ({ ...describe(spec), label_filename: "" })),
    batch_input: [],
    batch_output: [],
    dynamic_batching: {
      preferred_batch_size: [],
      max_queue_delay_microseconds: 0,
      preserve_ordering: false,
      priority_levels: PRIORITY_LEVELS,
      default_priority_level: PRIORITY_DEFAULT,
      priority_queue_policy: {},
    },
    instance_group: [{ name, kind: "KIND_CPU", count: 1, gpus: [], profile: [] }],
    default_model_filename: FILES[runtime],
    parameters: {},
    model_warmup: [],
  };
}

/** A shape of rows alone has the dimension that Triton asks for, and says that the model has it not. */
function describe({ name, datatype, shape }: TensorSpec): Record<string, unknown> {
  const dims = shape.slice(1);
  return {
    name,
    data_type: typeOf(datatype),
    ...(dims.length > 0 ? { dims } : { dims: [1], reshape: { shape: [] } }),
    is_shape_tensor: false,
  };
}

function typeOf(datatype: Datatype): string {
  return datatype === "BYTES" ? "TYPE_STRING" : `TYPE_${datatype}`;
}

function optional({ manifest }: ServedModel, { name }: TensorSpec): Record<string, unknown> {
  const input = manifest.inputs.find((candidate) => candidate.name === name);
  const isColumn = manifest.input_tensor !== name && input !== undefined;
  return { allow_ragged_batch: false, optional: isColumn && isOptional(input) };
}
