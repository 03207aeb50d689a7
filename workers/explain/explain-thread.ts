/**
 * Explains rows in a thread of its own, which starts with the first question: predictions never wait for it.
 *
 *     explain → [piscina's queue] → explain.ts ── not loaded ──▶ load the model there → ask again
 *
 * Bounds: WAITING_MAX rows, each until its deadline; a row whose deadline has passed when its turn comes costs nothing. A thread that
 * dies is replaced by the next question.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Piscina } from "piscina";
import { EngineError } from "../../engine/core/errors.ts";
import type { ModelArtifact } from "../runtime.ts";
import type { ExplainResult, ExplainTask } from "./explain-messages.ts";
import type { ExplainedRow, Explanation } from "./explanation.ts";

const WAITING_MAX = 1_000;
const CLOSE_WAIT_MS = 5_000;

export class ExplainThread {
  readonly #artifactOf: (key: string) => ModelArtifact | undefined;
  /** Under way, so that rows that come together send the model's files once. */
  readonly #loads = new Map<string, Promise<unknown>>();
  /** What the thread has been asked and not answered, those included for which nobody waits any more. */
  readonly #asked = new Set<Promise<Explanation>>();
  #thread: Piscina | undefined;
  #isClosed = false;

  /** `artifactOf` gives the files of a model that is served. */
  constructor(artifactOf: (key: string) => ModelArtifact | undefined) {
    this.#artifactOf = artifactOf;
  }

  /**
   * @throws EngineError QUEUE_FULL, DEADLINE_EXCEEDED, MODEL_INVALID when the model cannot be explained, MODEL_NOT_FOUND when it is no
   * longer served, INFERENCE_FAILED, WORKER_FAILED, SHUTTING_DOWN.
   */
  async explain(key: string, row: ExplainedRow): Promise<Explanation> {
    if (this.#isClosed) throw new EngineError("SHUTTING_DOWN", "this engine is stopping");
    if (this.#asked.size >= WAITING_MAX)
      throw new EngineError("QUEUE_FULL", "too many explanations are waiting; ask for fewer, or later");
    const asked = this.#ask(key, row);
    this.#asked.add(asked);
    const forget = (): void => void this.#asked.delete(asked);
    asked.then(forget, forget);
    return this.#beforeDeadline(asked, row.deadlineMs);
  }

  /** Ends the thread once it has done what it was asked, and all the same after CLOSE_WAIT_MS. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const giveUp = new AbortController();
    const waited = delay(CLOSE_WAIT_MS, undefined, { signal: giveUp.signal }).catch(() => undefined);
    await Promise.race([Promise.allSettled(this.#asked), waited]);
    giveUp.abort();
    await this.#thread?.destroy();
  }

  async #ask(key: string, row: ExplainedRow): Promise<Explanation> {
    let result = await this.#run({ kind: "explain", key, row });
    if (result.kind === "not loaded") {
      await this.#load(key);
      result = await this.#run({ kind: "explain", key, row });
    }
    if (result.kind === "failed") throw new EngineError(result.code, result.message);
    if (result.kind === "done" && result.explanation !== undefined) return result.explanation;
    throw new EngineError(
      "QUEUE_FULL",
      "more models are explained at once than the thread holds; try again later",
    );
  }

  /** One load at a time for each model. */
  async #load(key: string): Promise<void> {
    const underWay = this.#loads.get(key);
    if (underWay !== undefined) return void (await underWay);
    const artifact = this.#artifactOf(key);
    if (artifact === undefined) throw new EngineError("MODEL_NOT_FOUND", `${key} is no longer served`);
    const load = this.#run({ kind: "load", key, artifact });
    this.#loads.set(key, load);
    try {
      await load;
    } finally {
      this.#loads.delete(key);
    }
  }

  async #run(task: ExplainTask): Promise<ExplainResult> {
    this.#thread ??= new Piscina({
      filename: new URL("./explain.js", import.meta.url).href,
      name: "runTask",
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
      recordTiming: false,
    });
    try {
      return (await this.#thread.run(task)) as ExplainResult;
    } catch (error) {
      throw new EngineError("WORKER_FAILED", "the thread that explains died; try again later", {
        cause: error,
      });
    }
  }

  async #beforeDeadline(asked: Promise<Explanation>, deadlineMs: number): Promise<Explanation> {
    let timer: NodeJS.Timeout | undefined;
    const overdue = new Promise<never>((_, reject) => {
      const late = new EngineError(
        "DEADLINE_EXCEEDED",
        "the explanation was not done in time; raise timeout_ms or ask later",
      );
      timer = setTimeout(() => reject(late), Math.max(0, deadlineMs - Date.now()));
    });
    try {
      return await Promise.race([asked, overdue]);
    } finally {
      clearTimeout(timer);
    }
  }
}
