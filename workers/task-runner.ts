// hot path
/** Holds loaded models and runs tasks on them, in whatever thread it is. Which runtime a model needs is in its manifest. */
import { messageOf, toEngineError } from "../engine/core/errors.ts";
import type { ModelTensors, Tensor } from "../engine/core/tensor.ts";
import { readBackground } from "./explain/background.ts";
import type { FailedRow, LoadTask, PredictTask, WorkerResult, WorkerTask } from "./messages.ts";
import type { LoadedModel, TensorCall } from "./runtime.ts";
import { runtimeOf } from "./runtimes.ts";

const NO_ROWS: readonly FailedRow[] = [];

/** What a task gives. */
interface Outcome {
  readonly failedRows: readonly FailedRow[];
  readonly loaded?: ModelTensors;
  readonly tensors?: readonly Tensor[];
  readonly tensorsByRow?: readonly (readonly Tensor[])[];
}

const NONE: Outcome = { failedRows: NO_ROWS };

interface Held {
  readonly model: LoadedModel;
  /** It gives tensors, in which a number may be anything. */
  readonly givesTensors: boolean;
}

export class TaskRunner {
  readonly #models = new Map<string, Held>();

  /** Runs one task. Never throws: a failure is a result. */
  async run(task: WorkerTask): Promise<WorkerResult> {
    const startedMs = performance.now();
    try {
      const outcome = await this.#perform(task);
      return { ok: true, elapsedMs: performance.now() - startedMs, ...outcome };
    } catch (error) {
      const { code, message, details, cause } = toEngineError(error);
      const reason = code === "INTERNAL" && cause !== undefined ? messageOf(cause) : message;
      return { ok: false, code, message: reason, details };
    }
  }

  async #perform(task: WorkerTask): Promise<Outcome> {
    switch (task.kind) {
      case "predict":
        return this.#predict(task);
      case "load":
        return { ...NONE, loaded: (await this.#load(task)).model.tensors };
      case "unload": {
        const held = this.#models.get(task.key);
        this.#models.delete(task.key);
        await held?.model.close();
        return NONE;
      }
    }
  }

  async #load(task: LoadTask): Promise<Held> {
    const known = this.#models.get(task.key);
    if (known !== undefined) return known;
    const runtime = await runtimeOf(task.manifest.runtime);
    readBackground(task); // refused when it is damaged, not when somebody asks for an explanation
    const held = { model: await runtime.load(task), givesTensors: task.manifest.tensors !== undefined };
    this.#models.set(task.key, held);
    return held;
  }

  async #predict(task: PredictTask): Promise<Outcome> {
    if (task.rows === 0) return NONE;
    const held = this.#models.get(task.key);
    if (held === undefined) throw new Error(`${task.key} is not loaded in this worker`);
    const call: TensorCall | undefined = task.texts && { texts: task.texts };
    const { failedRows: failed, ...tensors } = await predict(held.model, task, call);
    return { ...tensors, failedRows: held.givesTensors ? failed : [...failed, ...notFinite(task)] };
  }
}

async function predict(
  model: LoadedModel,
  task: PredictTask,
  call: TensorCall | undefined,
): Promise<Outcome> {
  try {
    await model.predict(task.features, task.rows, task.outputs, call);
    return call?.outputs === undefined ? NONE : { failedRows: NO_ROWS, tensors: call.outputs };
  } catch (error) {
    return task.rows === 1
      ? { failedRows: [{ row: 0, message: failureOf(error) }] }
      : predictSingly(model, task, call);
  }
}

/** The batch failed as a whole: each row alone, so that a bad one does not harm its neighbours. */
async function predictSingly(
  model: LoadedModel,
  task: PredictTask,
  call: TensorCall | undefined,
): Promise<Outcome> {
  const { features, outputs, rows, inputWidth, outputWidth } = task;
  const failedRows: FailedRow[] = [];
  const tensorsByRow: (readonly Tensor[])[] = [];
  const textsOfRow = (call?.texts.length ?? 0) / rows;
  for (let row = 0; row < rows; row++) {
    const texts = call?.texts.slice(row * textsOfRow, (row + 1) * textsOfRow) ?? [];
    const own: TensorCall | undefined = call && { texts };
    try {
      await model.predict(features.subarray(row * inputWidth), 1, outputs.subarray(row * outputWidth), own);
    } catch (error) {
      failedRows.push({ row, message: failureOf(error) });
    }
    tensorsByRow.push(own?.outputs ?? []);
  }
  return call === undefined ? { failedRows } : { failedRows, tensorsByRow };
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
  return failed ?? NO_ROWS;
}

function failureOf(error: unknown): string {
  return `the model failed on this row: ${messageOf(error).slice(0, 500)}`;
}
