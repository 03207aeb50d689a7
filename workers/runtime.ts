/**
 * What a model runtime must do inside a worker thread: one contract, implemented by runtime-onnx and
 * runtime-tfjs, proved by test/conformance/runtime.
 *
 * Rows travel as float32, row-major, `inputWidth(manifest)` per row: in the order of the manifest's inputs, numbers as
 * they are, booleans as 0 or 1, categories as their index in the manifest's list; or what preprocessing makes of them. Outputs are float32, row-major,
 * `outputWidth(manifest)` per row.
 */
import type { ModelManifest } from "../engine/core/manifest.ts";
import type { ModelTensors, Tensor } from "../engine/core/tensor.ts";

/** A model version as it comes from the registry: every file by its path in the model folder. */
export interface ModelArtifact {
  readonly manifest: ModelManifest;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** What the model is tried on, for one with preprocessing: its example, transformed. */
  readonly exampleRow?: Float32Array;
}

/** What a call takes and gives beside floats. */
export interface TensorCall {
  /** Those of the rows, `texts` of the layout each, for a model of tensors. */
  readonly texts: readonly string[];
  /** Set by the call: all outputs of the model, as long as the rows. */
  outputs?: readonly Tensor[];
}

export interface LoadedModel {
  /** What it takes and gives under its own names, rows first. */
  readonly tensors: ModelTensors;
  /**
   * Predicts `rows` rows. Reads `rows × inputWidth` floats from `features`, writes `rows × outputWidth` floats to
   * `outputs`. The arrays may be over shared memory. Never keeps a reference to them after it settles.
   * @param call where the model's outputs as tensors are wanted too.
   * @throws Error when the model itself fails on these rows; the model stays usable.
   */
  predict(features: Float32Array, rows: number, outputs: Float32Array, call?: TensorCall): Promise<void>;
  /** Gives all native memory back. Idempotent. */
  close(): Promise<void>;
}

export interface Runtime {
  /**
   * Checks the files against the manifest, loads the model and warms it up with an example row.
   * @throws EngineError MODEL_INVALID naming the field of model.json or the file, and the remedy.
   */
  load(artifact: ModelArtifact): Promise<LoadedModel>;
}
