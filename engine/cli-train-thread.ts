/**
 * Trains in a worker thread, so that whoever started it can tell how far it is, and end it.
 *
 *     caller → thread: model type, job → iterations → outcome, or why there is none → exit
 */
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import type { Iteration } from "../workers/train/trainer.ts";
import { TRAINERS } from "../workers/train/trainers.ts";
import { EngineError, type ErrorCode, type ErrorDetail } from "./core/errors.ts";
import { type TrainingJob, type TrainingOutcome, trainModel } from "./train/train-model.ts";

interface ThreadData {
  readonly modelType: string;
  readonly job: TrainingJob<unknown>;
}

type ThreadMessage =
  | { readonly iteration: Iteration }
  | { readonly outcome: TrainingOutcome }
  /** Of an error of a class of its own only message and stack would arrive. */
  | {
      readonly error: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly details: readonly ErrorDetail[];
      };
    };

/** @throws EngineError INVALID_REQUEST, MODEL_INVALID. */
export async function trainInThread(
  modelType: string,
  job: TrainingJob<unknown>,
  onIteration: (iteration: Iteration) => void,
): Promise<TrainingOutcome> {
  const data: ThreadData = { modelType, job };
  const thread = new Worker(fileURLToPath(import.meta.url), { workerData: data });
  return new Promise((resolve, reject) => {
    thread.on("message", (message: ThreadMessage) => {
      if ("iteration" in message) onIteration(message.iteration);
      else if ("outcome" in message) resolve(message.outcome);
      else {
        const { code, message: text, details } = message.error;
        reject(new EngineError(code, text, { details }));
      }
    });
    thread.once("error", reject);
    thread.once("exit", (code) => reject(new Error(`training ended with ${code} before it was done`)));
  });
}

async function runThread({ modelType, job }: ThreadData): Promise<void> {
  const post = (message: ThreadMessage): void => parentPort?.postMessage(message);
  const registered = TRAINERS.get(modelType);
  if (registered === undefined) throw new Error(`there is no trainer ${modelType}`);
  try {
    post({ outcome: await trainModel(registered, job, (iteration) => post({ iteration })) });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const { code, message, details } = error;
    post({ error: { code, message, details } });
  }
}

if (!isMainThread) await runThread(workerData as ThreadData);
