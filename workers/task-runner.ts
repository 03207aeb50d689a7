// hot path
/** Holds loaded models and runs tasks on them, in whatever thread it is. Which runtime a model needs is in its manifest. */
import { messageOf, toEngineError } from "../engine/core/errors.ts";
import { readBackground } from "./explain/background.ts";
import type { FailedRow, LoadTask, PredictTask, WorkerResult, WorkerTask } from "./messages.ts";
import type { LoadedModel } from "./runtime.ts";
import { runtimeOf } from "./runtimes.ts";

const NONE: readonly FailedRow[] = [];

export class TaskRunner {
  readonly #models = new Map<string, LoadedModel>();

  /** Runs one task. Never throws: a failure is a result. */
  async run(task: WorkerTask): Promise<WorkerResult> {
    const startedMs = performance.now();
    try {
      const failedRows = await this.#perform(task);
      return { ok: true, elapsedMs: performance.now() - startedMs, failedRows };
    } catch (error) {
      const { code, message, details, cause } = toEngineError(error);
      const reason = code === "INTERNAL" && cause !== undefined ? messageOf(cause) : message;
      return { ok: false, code, message: reason, details };
    }
  }

  async #perform(task: WorkerTask): Promise<readonly FailedRow[]> {
    switch (task.kind) {
      case "predict":
        return this.#predict(task);
      case "load":
        await this.#load(task);
        return NONE;
      case "unload": {
        const model = this.#models.get(task.key);
        this.#models.delete(task.key);
        await model?.close();
        return NONE;
      }
    }
  }

  async #load(task: LoadTask): Promise<void> {
    if (this.#models.has(task.key)) return;
    const runtime = await runtimeOf(task.manifest.runtime);
    readBackground(task); // refused when it is damaged, not when somebody asks for an explanation
    this.#models.set(task.key, await runtime.load(task));
  }

  async #predict(task: PredictTask): Promise<readonly FailedRow[]> {
    if (task.rows === 0) return NONE;
    const model = this.#models.get(task.key);
    if (model === undefined) throw new Error(`${task.key} is not loaded in this worker`);
    try {
      await model.predict(task.features, task.rows, task.outputs);
    } catch (error) {
      return task.rows === 1 ? [{ row: 0, message: failureOf(error) }] : predictSingly(model, task);
    }
    return notFinite(task);
  }
}

/** The batch failed as a whole: each row alone, so that a bad one does not harm its neighbours. */
async function predictSingly(model: LoadedModel, task: PredictTask): Promise<readonly FailedRow[]> {
  const { features, outputs, rows, inputWidth, outputWidth } = task;
  const failed: FailedRow[] = [];
  for (let row = 0; row < rows; row++) {
    try {
      await model.predict(features.subarray(row * inputWidth), 1, outputs.subarray(row * outputWidth));
    } catch (error) {
      failed.push({ row, message: failureOf(error) });
    }
  }
  return [...failed, ...notFinite(task)];
}

/** A number that is no number cannot be an answer. */
function notFinite({ outputs, rows, outputWidth }: PredictTask): readonly FailedRow[] {
  let failed: FailedRow[] | undefined;
  for (let index = 0; index < rows * outputWidth; index++) {
    if (Number.isFinite(outputs[index])) continue;
    const row = Math.floor(index / outputWidth);
    failed ??= [];
    if (failed.at(-1)?.row !== row)
      failed.push({ row, message: "the model returned a value that is not finite" });
  }
  return failed ?? NONE;
}

function failureOf(error: unknown): string {
  return `the model failed on this row: ${messageOf(error).slice(0, 500)}`;
}
