// hot path
/**
 * The worker pool: lanes, each with a thread of its own (lane-thread), because a model must be loaded in every thread, and a task
 * must be aimed. A lane runs one task at a time:
 *
 *     starting ─▶ free ◀─▶ busy ─▶ starting (thread died or hung: replaced, models loaded again) ─▶ free
 *
 * Loading goes lane by lane, so the others keep answering meanwhile. A thread that hangs is left alone until its task
 * returns, and only then ended: ending it inside native code aborts the whole process. Bound: one task in flight per
 * lane, HUNG_MAX threads left alone per lane; waiting is the batcher's.
 */
import { setTimeout as delay } from "node:timers/promises";
import { EngineError, messageOf } from "../engine/core/errors.ts";
import type { Logger } from "../engine/core/log.ts";
import { modelKey } from "../engine/core/manifest.ts";
import type { ModelTensors } from "../engine/core/tensor.ts";
import { ExplainThread } from "./explain/explain-thread.ts";
import type { ExplainedRow, Explanation } from "./explain/explanation.ts";
import type { Lane } from "./lane.ts";
import { LaneThread } from "./lane-thread.ts";
import { LIGHT_ROWS_MAX, LightLane } from "./light-lane.ts";
import { type PredictTask, toLoadTask, type WorkerResult, type WorkerTask } from "./messages.ts";
import type { ModelArtifact } from "./runtime.ts";

const RESTART_DELAY_MS = 200;
const HUNG_MAX = 4;
const HUNG_WAIT_MS = 5_000;

export interface WorkerPoolOptions {
  readonly lanes: number;
  /** A task that takes longer costs the thread its life, ms. */
  readonly taskTimeoutMs: number;
  /** Loading and warming a model may take this long, ms. */
  readonly loadTimeoutMs: number;
  readonly logger: Logger;
}

export class WorkerPool {
  readonly #lanes: WorkerLane[];
  readonly #light: LightLane;
  readonly #artifacts = new Map<string, ModelArtifact>();
  readonly #tensors = new Map<string, ModelTensors>();
  readonly #explaining = new ExplainThread((key) => this.#artifacts.get(key));
  /** Loads and unloads happen one after the other. */
  #changes: Promise<unknown> = Promise.resolve();

  /** `onFree` is called whenever a lane has become free. */
  constructor(options: WorkerPoolOptions, onFree: () => void) {
    this.#light = new LightLane(onFree);
    this.#lanes = Array.from(
      { length: options.lanes },
      (_, index) => new WorkerLane(index, options, this.#artifacts, onFree),
    );
  }

  get size(): number {
    return this.#lanes.length;
  }

  /** Lanes that can take a batch now or once their present one is done. */
  get alive(): number {
    return this.#lanes.filter((lane) => lane.state !== "starting").length;
  }

  /** Claims a free lane for a batch of so many rows of the model, which it must be given at once. */
  takeFree(key: string, rows: number): Lane | undefined {
    const light = this.#light.takes(key, rows) ? this.#light.take() : undefined;
    if (light !== undefined) return light;
    if (rows < LIGHT_ROWS_MAX && this.#light.takes(key, rows)) return undefined;
    const lane = this.#lanes.find((candidate) => candidate.state === "free");
    lane?.claim();
    return lane;
  }

  /**
   * Loads a model version into every lane, one lane after the other; it is ready in all when this resolves, with what it
   * takes and gives.
   * @throws EngineError MODEL_INVALID, and then it is loaded in none.
   */
  async load(artifact: ModelArtifact): Promise<ModelTensors> {
    return this.#change(async () => {
      const key = modelKey(artifact.manifest);
      const known = this.#tensors.get(key);
      if (known !== undefined) return known;
      this.#artifacts.set(key, artifact); // first, so that a lane replaced meanwhile gets it too
      try {
        let loaded: ModelTensors | undefined;
        for (const lane of this.#lanes) loaded = await lane.exclusive(toLoadTask(artifact));
        await this.#light.load(artifact);
        const tensors = loaded ?? { inputs: [], outputs: [] };
        this.#tensors.set(key, tensors);
        return tensors;
      } catch (error) {
        this.#artifacts.delete(key);
        for (const lane of this.#lanes) await lane.exclusive({ kind: "unload", key }).catch(() => undefined);
        throw error;
      }
    });
  }

  /**
   * Loads a model version into one lane and lets go of it again: would it load?
   * @throws EngineError MODEL_INVALID with what is wrong with its files.
   */
  async verify(artifact: ModelArtifact): Promise<void> {
    return this.#change(async () => {
      const key = `verify ${modelKey(artifact.manifest)}`;
      const lane = this.#lanes.at(-1) as WorkerLane;
      await lane.exclusive({ ...toLoadTask(artifact), key });
      await lane.exclusive({ kind: "unload", key });
    });
  }

  async unload(key: string): Promise<void> {
    return this.#change(async () => {
      if (!this.#artifacts.delete(key)) return;
      this.#tensors.delete(key);
      await this.#light.unload(key);
      for (const lane of this.#lanes) await lane.exclusive({ kind: "unload", key }).catch(() => undefined);
    });
  }

  /** Explains a row that the model `key` has answered, in a thread of its own. @throws EngineError, see ExplainThread. */
  async explain(key: string, row: ExplainedRow): Promise<Explanation> {
    return this.#explaining.explain(key, row);
  }

  /** Ends all threads; tasks in flight fail. */
  async close(): Promise<void> {
    await Promise.all([
      this.#explaining.close(),
      this.#light.close(),
      ...this.#lanes.map((lane) => lane.close()),
    ]);
  }

  async #change<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#changes.then(work);
    this.#changes = done.catch(() => undefined);
    return done;
  }
}

class WorkerLane implements Lane {
  readonly index: number;
  state: "starting" | "free" | "busy" | "closed" = "starting";
  readonly #options: WorkerPoolOptions;
  readonly #artifacts: ReadonlyMap<string, ModelArtifact>;
  readonly #onFree: () => void;
  /** Loads and unloads that wait for the lane: they go before batches. */
  readonly #waiting: (() => void)[] = [];
  #thread = new LaneThread();
  #hung = 0;
  /** Threads given up that have not returned yet. */
  readonly #leaving = new Set<Promise<void>>();

  constructor(
    index: number,
    options: WorkerPoolOptions,
    artifacts: ReadonlyMap<string, ModelArtifact>,
    onFree: () => void,
  ) {
    this.index = index;
    this.#options = options;
    this.#artifacts = artifacts;
    this.#onFree = onFree;
    this.#release();
  }

  claim(): void {
    if (this.state !== "free") throw new Error(`lane ${this.index} is ${this.state}, not free`);
    this.state = "busy";
  }

  async predict(task: PredictTask): Promise<WorkerResult> {
    let result: WorkerResult;
    try {
      result = await this.#thread.run(task, this.#options.taskTimeoutMs);
    } catch (error) {
      void this.#replace();
      throw new EngineError("WORKER_FAILED", "the worker thread died while it computed; try again", {
        cause: error,
      });
    }
    this.#release();
    return result;
  }

  /** Waits until the lane is free, then runs a load or unload on it; a load tells what the model takes and gives. */
  async exclusive(task: WorkerTask): Promise<ModelTensors | undefined> {
    await this.#acquire();
    let result: WorkerResult;
    try {
      result = await this.#thread.run(task, this.#options.loadTimeoutMs);
    } catch (error) {
      void this.#replace();
      throw new EngineError(
        "MODEL_INVALID",
        `the worker thread died or hung while it loaded the model: ${messageOf(error)}`,
        { cause: error },
      );
    }
    this.#release();
    if (!result.ok) throw new EngineError(result.code, result.message, { details: result.details });
    return result.loaded;
  }

  /** Ends each thread once it has returned from its task; a thread that hangs is waited for HUNG_WAIT_MS, and then left. */
  async close(): Promise<void> {
    this.state = "closed";
    this.#leaving.add(this.#leave());
    const giveUp = new AbortController();
    await Promise.race([
      Promise.all(this.#leaving),
      delay(HUNG_WAIT_MS, undefined, { signal: giveUp.signal }).catch(() => undefined),
    ]);
    giveUp.abort();
  }

  async #acquire(): Promise<void> {
    if (this.state === "closed") throw new EngineError("SHUTTING_DOWN", "the worker pool is closed");
    if (this.state === "free") return this.claim();
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** The lane is idle: hands it to a waiting load, or lets the batcher know. */
  #release(): void {
    if (this.state === "closed") return;
    const next = this.#waiting.shift();
    this.state = next === undefined ? "free" : "busy";
    if (next === undefined) this.#onFree();
    else next();
  }

  /** A new thread with all models loaded again; tries until it works or the pool is closed. */
  async #replace(): Promise<void> {
    if (this.state === "closed") return;
    this.state = "starting";
    const { logger } = this.#options;
    logger.error({ lane: this.index }, "worker thread failed, replacing it");
    const returned = this.#leave();
    this.#leaving.add(returned);
    void returned.then(() => this.#leaving.delete(returned));
    if (this.#hung > HUNG_MAX) {
      logger.error({ lane: this.index, threads: this.#hung }, "too many threads hang, waiting for one");
      await returned;
    }
    if (this.#isClosed()) return;
    this.#thread = new LaneThread();
    try {
      for (const artifact of this.#artifacts.values()) {
        const result = await this.#thread.run(toLoadTask(artifact), this.#options.loadTimeoutMs);
        if (!result.ok) throw new Error(result.message);
      }
      logger.info({ lane: this.index }, "worker thread replaced");
      this.#release();
    } catch (error) {
      logger.error({ lane: this.index, err: error }, "worker thread could not be replaced, trying again");
      setTimeout(() => void this.#replace(), RESTART_DELAY_MS).unref();
    }
  }

  #isClosed(): boolean {
    return this.state === "closed";
  }

  /** Gives the thread up; resolves once it has returned from its task and is ended. */
  async #leave(): Promise<void> {
    this.#hung++;
    await this.#thread.end().catch(() => undefined);
    this.#hung--;
  }
}
