// hot path
/**
 * A worker thread that runs one task at a time: a message there, a message back, nothing between (bench/handover). It keeps
 * the process that has it from ending for the time of a task only.
 *
 *     run → posted → result │ the thread died, or no result in time → rejected, and it is of no use any more
 */
import { Worker } from "node:worker_threads";
import { createDeferred, type Deferred } from "../engine/core/deferred.ts";
import type { WorkerResult, WorkerTask } from "./messages.ts";

interface Running {
  readonly result: Deferred<WorkerResult>;
  readonly timer: NodeJS.Timeout;
}

export class LaneThread {
  readonly #worker = new Worker(new URL("./infer.js", import.meta.url));
  /** The task that is waited for; one that is late goes on without. */
  #running: Running | undefined;
  #isBusy = false;
  /** Of an end that waits for the thread's return. */
  #returned: Deferred<void> | undefined;
  #deathCause: Error | undefined;

  constructor() {
    this.#worker.on("message", (result: WorkerResult) => this.#settle(result));
    this.#worker.on("error", (error) => this.#die(error));
    this.#worker.on("exit", (code) => this.#die(new Error(`the thread ended with ${code}`)));
    this.#worker.unref();
  }

  /**
   * Runs a task; the one before must have ended, in time.
   * @throws Error when the thread has died, or gives no result within `timeoutMs`.
   */
  async run(task: WorkerTask, timeoutMs: number): Promise<WorkerResult> {
    if (this.#deathCause !== undefined) throw this.#deathCause;
    const result = createDeferred<WorkerResult>();
    this.#running = { result, timer: setTimeout(() => this.#giveUp(timeoutMs), timeoutMs) };
    this.#isBusy = true;
    this.#worker.postMessage(task);
    return result.promise;
  }

  /** Ends the thread, once it has returned from its task: ending it inside native code aborts the whole process. */
  async end(): Promise<void> {
    this.#returned ??= createDeferred();
    if (!this.#isBusy) this.#returned.resolve();
    await this.#returned.promise;
    await this.#worker.terminate();
  }

  #giveUp(timeoutMs: number): void {
    this.#worker.ref(); // a process that ends while it is in native code is aborted
    this.#take()?.result.reject(new Error(`no result after ${timeoutMs} ms`));
  }

  #settle(result: WorkerResult): void {
    this.#isBusy = false;
    if (this.#running === undefined) this.#worker.unref();
    this.#take()?.result.resolve(result);
    this.#returned?.resolve();
  }

  #die(error: Error): void {
    this.#isBusy = false;
    this.#deathCause ??= error;
    this.#take()?.result.reject(this.#deathCause);
    this.#returned?.resolve();
  }

  #take(): Running | undefined {
    const running = this.#running;
    this.#running = undefined;
    clearTimeout(running?.timer);
    return running;
  }
}
