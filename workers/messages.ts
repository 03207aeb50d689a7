/**
 * What crosses between the engine's thread and a worker thread. Rows never do: they lie in shared memory, and one
 * message a batch says where.
 */

import type { ErrorCode, ErrorDetail } from "../engine/core/errors.ts";
import { modelKey } from "../engine/core/manifest.ts";
import type { ModelTensors, Tensor } from "../engine/core/tensor.ts";
import type { ModelArtifact } from "./runtime.ts";

export interface LoadTask extends ModelArtifact {
  readonly kind: "load";
  readonly key: string;
}

export interface UnloadTask {
  readonly kind: "unload";
  readonly key: string;
}

export interface PredictTask {
  readonly kind: "predict";
  readonly key: string;
  readonly rows: number;
  /** Floats per row, in and out. */
  readonly inputWidth: number;
  readonly outputWidth: number;
  readonly features: Float32Array<SharedArrayBuffer>;
  readonly outputs: Float32Array<SharedArrayBuffer>;
  /** Present where the model's outputs as tensors are wanted: the rows' texts, which floats do not hold. */
  readonly texts?: readonly string[];
}

export type WorkerTask = LoadTask | UnloadTask | PredictTask;

/** A row that the model failed on; the other rows of the batch have their outputs. */
export interface FailedRow {
  readonly row: number;
  readonly message: string;
}

/** Expected outcomes are values, so that they cross threads whole: a thrown error would lose its code. */
export type WorkerResult =
  | {
      readonly ok: true;
      readonly elapsedMs: number;
      readonly failedRows: readonly FailedRow[];
      /** Of a load: what the model takes and gives. */
      readonly loaded?: ModelTensors;
      /** Of a prediction whose outputs were wanted as tensors: those of all rows, or of each. */
      readonly tensors?: readonly Tensor[];
      readonly tensorsByRow?: readonly (readonly Tensor[])[];
    }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: readonly ErrorDetail[];
    };

export function toLoadTask(artifact: ModelArtifact): LoadTask {
  return { kind: "load", key: modelKey(artifact.manifest), ...artifact };
}
