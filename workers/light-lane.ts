// hot path
/**
 * Light models run where the rows are: for small batches of them, waking a thread and being woken by it costs more than the prediction
 * (DECISIONS, "Light models"). A model is light when nothing in its graph can take long, whatever the row: trees and linear models, of
 * FILE_BYTES_MAX at most, and of no other operators than these. It is loaded here after it has been loaded and tried in every lane.
 *
 * Invariant: one batch at a time, of LIGHT_ROWS_MAX rows; larger ones go to threads.
 */

import type { Lane } from "./lane.ts";
import { type PredictTask, toLoadTask, type WorkerResult } from "./messages.ts";
import { inspectOnnx } from "./onnx-inspect.ts";
import type { ModelArtifact } from "./runtime.ts";
import { TaskRunner } from "./task-runner.ts";

/** 70 µs of 100 trees. */
export const LIGHT_ROWS_MAX = 64;
/** Some 170 trees of 31 leaves: at most a tenth of a millisecond a batch, and 8 ms to load. */
const FILE_BYTES_MAX = 512 * 1024;
/** No loop, and no result that is larger than inputs and weights. */
const LIGHT_OPERATORS = new Set([
  "TreeEnsemble",
  "TreeEnsembleClassifier",
  "TreeEnsembleRegressor",
  "LinearClassifier",
  "LinearRegressor",
  "Scaler",
  "Normalizer",
  "Imputer",
  "Cast",
  "Concat",
  "Identity",
  "Reshape",
  "Squeeze",
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Neg",
  "Exp",
  "Sigmoid",
  "Softmax",
  "ReduceSum",
  "ZipMap",
]);

export class LightLane implements Lane {
  readonly index = -1;
  readonly #runner = new TaskRunner();
  readonly #keys = new Set<string>();
  readonly #onFree: () => void;
  #isFree = true;

  constructor(onFree: () => void) {
    this.#onFree = onFree;
  }

  /** Claims it for a batch that it takes; undefined while it has another. */
  take(): Lane | undefined {
    if (!this.#isFree) return undefined;
    this.#isFree = false;
    return this;
  }

  takes(key: string, rows: number): boolean {
    return rows <= LIGHT_ROWS_MAX && this.#keys.has(key);
  }

  /** Never throws: what cannot be loaded here is served by threads alone. */
  async load(artifact: ModelArtifact): Promise<void> {
    if (!isLight(artifact)) return;
    const task = toLoadTask(artifact);
    const { ok } = await this.#runner.run(task);
    if (ok) this.#keys.add(task.key);
  }

  async unload(key: string): Promise<void> {
    if (this.#keys.delete(key)) await this.#runner.run({ kind: "unload", key });
  }

  async close(): Promise<void> {
    for (const key of this.#keys) await this.unload(key);
  }

  async predict(task: PredictTask): Promise<WorkerResult> {
    const result = await this.#runner.run(task);
    this.#isFree = true;
    this.#onFree();
    return result;
  }
}

function isLight({ manifest, files }: ModelArtifact): boolean {
  const bytes = files.get("model.onnx");
  if (manifest.runtime !== "onnx" || bytes === undefined || bytes.length > FILE_BYTES_MAX) return false;
  const { operators } = inspectOnnx(bytes, "model.onnx");
  return operators.every((operator) => LIGHT_OPERATORS.has(operator));
}
