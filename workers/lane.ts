/** Where a batch is computed: a thread of the pool, or the engine's own for light models. */
import type { PredictTask, WorkerResult } from "./messages.ts";

export interface Lane {
  readonly index: number;
  /** @throws EngineError WORKER_FAILED when the thread died or hung; the lane mends itself. */
  predict(task: PredictTask): Promise<WorkerResult>;
}
