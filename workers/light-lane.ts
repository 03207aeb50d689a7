// hot path
/**
 * Light models run where the rows are: for small batches of them, waking a thread and being woken by it costs more than the prediction
 * (DECISIONS, "Light models"). A model is light when what it takes does not depend on the row, and is little: trees and linear models, of
 * FILE_BYTES_MAX at most, of no other operators than these, that answer a whole batch within BATCH_MS_MAX. It is loaded here after it has
 * been loaded and tried in every lane.
 *
 * Invariant: one batch at a time, of LIGHT_ROWS_MAX rows; larger ones go to threads.
 */

import { inputWidth, outputWidth } from "../engine/core/manifest.ts";
import type { Lane } from "./lane.ts";
import { type LoadTask, type PredictTask, toLoadTask, type WorkerResult } from "./messages.ts";
import { inspectOnnx } from "./onnx-inspect.ts";
import type { ModelArtifact } from "./runtime.ts";
import { TaskRunner } from "./task-runner.ts";

/** 70 µs of 100 trees. */
export const LIGHT_ROWS_MAX = 64;
/** Some 170 trees of 31 leaves: at most a tenth of a millisecond a batch, and 8 ms to load. */
const FILE_BYTES_MAX = 512 * 1024;
/** What a batch may take, ms. A graph can be large all the same, by shapes that are multiplied; the best of TRIALS tells, whoever wants the core. */
const BATCH_MS_MAX = 2;
const TRIALS = 3;
/** No loop: the same work for every row. */
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
    if (ok && (await this.#isQuick(task))) this.#keys.add(task.key);
    else await this.#runner.run({ kind: "unload", key: task.key });
  }

  async #isQuick({ key, manifest }: LoadTask): Promise<boolean> {
    const [inputs, outputs] = [inputWidth(manifest), outputWidth(manifest)];
    const floats = (width: number) => new Float32Array(new SharedArrayBuffer(LIGHT_ROWS_MAX * width * 4));
    const batch = { rows: LIGHT_ROWS_MAX, features: floats(inputs), outputs: floats(outputs) };
    for (let trial = 0; trial < TRIALS; trial++) {
      const task = { kind: "predict", key, inputWidth: inputs, outputWidth: outputs, ...batch } as const;
      const result = await this.#runner.run(task);
      if (result.ok && result.elapsedMs <= BATCH_MS_MAX) return true;
    }
    return false;
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
