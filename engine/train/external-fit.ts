/**
 * One fit by an external trainer, from the side of the training process: rows out, iterations heard, model in.
 *
 *     objects stored ─▶ order "model" ─▶ queued ─▶ progress … ─▶ answer ─▶ model read, digest checked ─▶ withdrawn, whatever happened
 *                                           └─ nobody takes it within takenMs, or who took it is silent for silentMs: given up
 *
 * Documents are looked at every POLL_MS: they outlive restarts of NATS and of the trainer, and losses stand in them from the first
 * iteration on, so what is told does not depend on when they were read. Bounds: FIT_BYTES_MAX of task; waits by the deadline.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { FitStore } from "../../storage/fit-store.ts";
import type { FitQueue } from "../../streams/fit-queue.ts";
import type { Fit, FitQuestion, FitRows, Fitted } from "../../workers/train/external/fit.ts";
import type { Iteration } from "../../workers/train/trainer.ts";
import { EngineError, fieldInvalid, messageOf } from "../core/errors.ts";
import {
  FIT_BYTES_MAX,
  FIT_FORMAT,
  type FitAnswer,
  type FitName,
  type FitObjects,
  type FitProgress,
  type FitTask,
} from "../core/fit-task.ts";

const POLL_MS = 200;
/** Longer than a trainer takes to start anew; the job holds up others as long, and then none while it backs off (job-runner). */
const TAKEN_MS = 10_000;
/** Longer than a fit waits for its next trainer after the death of one (fit-queue). */
const SILENT_MS = 120_000;

export interface ExternalFitParts {
  readonly store: Pick<FitStore, "order" | "progress" | "answer" | "put" | "model" | "withdraw">;
  readonly queue: Pick<FitQueue, "publish" | "isWorkedOn">;
  readonly jobId: string;
  readonly modelName: string;
  /** Of the job, UTC. */
  readonly deadline: string;
  /** How long a fit waits while no trainer of its type asks for work or does any, ms. */
  readonly takenMs?: number;
  /** How long a trainer that took it may say nothing, ms. */
  readonly silentMs?: number;
}

/** The fit of external-trainer, with the trainers that listen on NATS. */
export function createExternalFit(parts: ExternalFitParts): Fit {
  return async (question, onIteration) => {
    const fit = { jobId: parts.jobId, fitId: randomUUID() };
    try {
      await begin(parts, fit, question);
      const answer = await new Waiting(parts, fit, question, onIteration).answer();
      if (answer.state === "failed")
        throw new EngineError(
          "TRAINING_FAILED",
          `the external trainer of ${question.type} failed: ${answer.message}`,
        );
      return await toFitted(parts, fit, answer);
    } finally {
      // who cannot say so now leaves it to the end of the job, and at last to the buckets' age
      await parts.store.withdraw(fit.jobId, fit.fitId).catch(() => undefined);
    }
  };
}

async function begin(parts: ExternalFitParts, fit: FitName, question: FitQuestion): Promise<void> {
  const { store, queue, modelName, deadline } = parts;
  const { type, task, columns, parameters, seed, training, validation } = question;
  const trainingObjects = await putRows(parts, fit, training);
  const validationObjects = validation === undefined ? undefined : await putRows(parts, fit, validation);
  const message: FitTask = {
    format: FIT_FORMAT,
    fit_id: fit.fitId,
    job_id: fit.jobId,
    model_name: modelName,
    model_type: type,
    task,
    columns,
    parameters,
    seed,
    rows: { training: training.rows, validation: validation?.rows ?? 0 },
    objects: {
      training: trainingObjects,
      ...(validationObjects === undefined ? {} : { validation: validationObjects }),
    },
    deadline,
  };
  if (Buffer.byteLength(JSON.stringify(message)) > FIT_BYTES_MAX) throw tooManyColumns(columns.length);
  await store.order(fit, "model");
  try {
    await queue.publish(message);
  } catch (error) {
    throw unreachable("queue a fit", error);
  }
}

async function putRows(
  { store }: ExternalFitParts,
  fit: FitName,
  { features, targets, weights }: FitRows,
): Promise<FitObjects> {
  return {
    features: await store.put(fit, features),
    targets: await store.put(fit, targets),
    ...(weights === undefined ? {} : { weights: await store.put(fit, weights) }),
  };
}

/** Listens until the answer is there. */
class Waiting {
  readonly #parts: ExternalFitParts;
  readonly #fit: FitName;
  readonly #question: FitQuestion;
  readonly #onIteration: (iteration: Iteration) => "continue" | "stop";
  #told = 0;
  #isStopped = false;
  #heard: FitProgress | undefined;
  #heardAt = performance.now();

  constructor(
    parts: ExternalFitParts,
    fit: FitName,
    question: FitQuestion,
    onIteration: (iteration: Iteration) => "continue" | "stop",
  ) {
    this.#parts = parts;
    this.#fit = fit;
    this.#question = question;
    this.#onIteration = onIteration;
  }

  /** @throws EngineError SERVICE_UNAVAILABLE, WORKER_FAILED: nobody takes the fit, or nothing is heard any more. */
  async answer(): Promise<FitAnswer> {
    const { store } = this.#parts;
    for (;;) {
      const answer = await store.answer(this.#fit); // first: behind it comes no further progress
      const progress = await store.progress(this.#fit);
      if (progress !== undefined) await this.#hear(progress);
      if (answer !== undefined) return answer;
      await this.#checkAlive(progress);
      await sleep(POLL_MS);
    }
  }

  async #hear(progress: FitProgress): Promise<void> {
    if (progress.updated_at !== this.#heard?.updated_at || progress.trainer !== this.#heard.trainer)
      this.#heardAt = performance.now();
    this.#heard = progress;
    const { training_losses: training, validation_losses: validation } = progress;
    const iterations = Math.max(training.length, validation.length);
    while (this.#told < iterations && !this.#isStopped) {
      const trainingLoss = training[this.#told];
      const validationLoss = validation[this.#told];
      this.#told++;
      const answer = this.#onIteration({
        iteration: this.#told,
        iterationsMax: Math.max(progress.iterations_max, this.#told),
        ...(trainingLoss === undefined ? {} : { trainingLoss }),
        ...(validationLoss === undefined ? {} : { validationLoss }),
      });
      if (answer === "continue") continue;
      this.#isStopped = true;
      await this.#parts.store.order(this.#fit, "stop");
    }
  }

  async #checkAlive(progress: FitProgress | undefined): Promise<void> {
    const { queue, takenMs = TAKEN_MS, silentMs = SILENT_MS } = this.#parts;
    const { type } = this.#question;
    if (progress === undefined && (await isWorkedOn(queue, type))) this.#heardAt = performance.now();
    const silentForMs = performance.now() - this.#heardAt;
    if (progress === undefined && silentForMs > takenMs) throw nobody(type, takenMs);
    if (progress === undefined || silentForMs <= silentMs) return;
    throw new EngineError(
      "WORKER_FAILED",
      `the external trainer ${progress.trainer} said nothing for ${Math.round(silentMs / 1000)} s, and no other has taken the fit over`,
    );
  }
}

async function isWorkedOn(queue: ExternalFitParts["queue"], type: FitQuestion["type"]): Promise<boolean> {
  try {
    return await queue.isWorkedOn(type);
  } catch {
    return false; // NATS is away: takenMs is how long
  }
}

async function toFitted(
  { store }: ExternalFitParts,
  fit: FitName,
  { sha256, input_tensor, output, iterations, importances }: Extract<FitAnswer, { state: "done" }>,
): Promise<Fitted> {
  return {
    onnx: await store.model(fit, sha256),
    inputTensor: input_tensor,
    output,
    iterations,
    ...(importances === undefined ? {} : { importances }),
  };
}

function nobody(type: FitQuestion["type"], takenMs: number): EngineError {
  const message =
    `${type} is trained by an external trainer, and none asked for work within ${Math.round(takenMs / 1000)} s: start one ` +
    "(python examples/python-trainer/trainer.py --nats <NATS_URL>), or take another type";
  return new EngineError("SERVICE_UNAVAILABLE", `model_type: ${message}`, {
    details: [{ field: "model_type", message }],
  });
}

function tooManyColumns(columns: number): EngineError {
  const message = `the names of ${columns} columns and the parameters exceed ${FIT_BYTES_MAX} bytes as JSON: leave columns out`;
  return fieldInvalid("data.features", message);
}

function unreachable(action: string, error: unknown): EngineError {
  return new EngineError("SERVICE_UNAVAILABLE", `NATS could not ${action}: ${messageOf(error)}`, {
    cause: error,
  });
}
