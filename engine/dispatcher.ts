// hot path
/**
 * Moves batches: from their batcher to a free worker, from there into the prediction log, and then to the rows'
 * owners. One dispatcher for all models, so that one bound holds for all rows accepted and not yet answered.
 *
 * Invariants: every row accepted is answered or failed exactly once; a lane that is claimed gets a batch; the rows of
 * a batch whose worker died or hung are tried once more, each alone, so that only the one to blame fails. Rows past
 * their deadline are failed by a sweep, wherever their batch is, and again when their batch goes to a worker: what is
 * overdue then is not computed.
 */

import type { Lane } from "../workers/lane.ts";
import type { PredictTask } from "../workers/messages.ts";
import type { WorkerPool } from "../workers/pool.ts";
import type { Batch, Row } from "./batch.ts";
import type { Batcher } from "./batcher.ts";
import { EngineError, toEngineError } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import type { Counter } from "./core/metrics.ts";
import type { ServedFeatures } from "./features/served-features.ts";
import type { CountErrors } from "./request-errors.ts";

const ATTEMPTS_MAX = 2;
const SWEEP_MS = 20;
/** What makes a batch worth while at once. */
const ROWS_AT_ONCE = 64;
/** Fewer rows wait while others are on their way into the log: each block costs two wake-ups, whatever it holds (DECISIONS, "Log blocks"). */
const BLOCK_ROWS = 16;

/** Settles a row that cannot be logged. */
export type RefuseRow = (index: number, error: EngineError) => void;

/** Where finished batches are logged. Resolves once the rows are safe; refuses single rows at once. */
export interface BatchLog {
  append(batch: Batch, refuse: RefuseRow): Promise<void>;
}

export interface DispatcherOptions {
  readonly pool: Pick<WorkerPool, "takeFree">;
  readonly log: BatchLog;
  /** Rows accepted and not yet answered, at most. */
  readonly rowsMax: number;
  /** Answer without waiting for the log. */
  readonly answerFirst: boolean;
  readonly logger: Logger;
  readonly failures: Counter;
  readonly errors: CountErrors;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  /** Batchers by turn: one batch each, round and round, so that no model starves another. */
  readonly #ring: Batcher[] = [];
  readonly #sweeper: NodeJS.Timeout;
  #turn = 0;
  #rows = 0;
  /** Batches whose answers wait for the log. */
  #logging = 0;
  #scheduled = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#sweeper = setInterval(() => this.#sweep(performance.now()), SWEEP_MS).unref();
  }

  /** Rows accepted and not yet answered. */
  get rows(): number {
    return this.#rows;
  }

  /** Rows that may be in the engine at once. */
  get rowsMax(): number {
    return this.#options.rowsMax;
  }

  /** Rows that may still be accepted. */
  get room(): number {
    return this.#options.rowsMax - this.#rows;
  }

  attach(batcher: Batcher): void {
    this.#ring.push(batcher);
  }

  detach(batcher: Batcher): void {
    const index = this.#ring.indexOf(batcher);
    if (index >= 0) this.#ring.splice(index, 1);
  }

  /**
   * Accepts a row with its whole features, and what of them was looked up. Its answer or failure comes later, never from
   * within this call.
   * @throws EngineError QUEUE_FULL, INVALID_FEATURES.
   */
  accept(batcher: Batcher, row: Row, features: unknown, served?: ServedFeatures): void {
    if (this.#rows >= this.#options.rowsMax) {
      throw new EngineError(
        "QUEUE_FULL",
        `${this.#rows} rows are waiting, which is the limit; try again later`,
      );
    }
    const error = batcher.add(row, features, served);
    if (error !== undefined) throw error;
    this.#rows++;
    if (batcher.rowsFilling % ROWS_AT_ONCE === 0) this.#dispatch();
    else this.#schedule();
  }

  /** A lane has become free. */
  wake(): void {
    if (this.#rows === 0) return;
    if (this.#ring.some((batcher) => batcher.rowsNext >= ROWS_AT_ONCE)) this.#dispatch();
    else this.#schedule();
  }

  close(): void {
    clearInterval(this.#sweeper);
  }

  /**
   * At the end of this turn of the event loop: all requests that it read go into one batch. A turn has no end while more than a thousand
   * connections have something to say (libuv reads on), so ROWS_AT_ONCE do not wait for it.
   */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#dispatch();
    });
  }

  /** Round and round until no batcher has both a batch and a lane that takes it. */
  #dispatch(): void {
    for (let tried = 0; tried < this.#ring.length; tried++) {
      this.#turn = (this.#turn + 1) % this.#ring.length;
      const batcher = this.#ring[this.#turn] as Batcher;
      if (!batcher.waiting || (this.#logging > 0 && !batcher.waits(BLOCK_ROWS))) continue;
      const lane = this.#options.pool.takeFree(batcher.model.key, batcher.rowsNext);
      if (lane === undefined) continue;
      void this.#process(lane, batcher, batcher.take() as Batch);
      tried = -1;
    }
  }

  async #process(lane: Lane, batcher: Batcher, batch: Batch): Promise<void> {
    let isWorkerLost = false;
    try {
      await this.#compute(lane, batch);
      await this.#answer(batch);
    } catch (error) {
      const failure = toEngineError(error);
      isWorkerLost = failure.code === "WORKER_FAILED";
      if (isWorkerLost && batch.attempts < ATTEMPTS_MAX) batcher.separate(batch);
      this.#options.logger[failure.meaning.level](
        { err: error, model: batch.model.key, rows: batch.count },
        "batch failed",
      );
      this.#failAll(batch, failure);
    }
    this.#rows -= batch.accepted;
    if (isWorkerLost) batcher.discard(batch);
    else batcher.recycle(batch);
  }

  /** The outputs stand in the batch when this resolves. */
  async #compute(lane: Lane, batch: Batch): Promise<void> {
    batch.startedMs = performance.now();
    this.#expire(batch, batch.startedMs);
    batch.compact();
    batch.attempts++;
    try {
      const result = await lane.predict(toTask(batch));
      if (!result.ok) throw new EngineError(result.code, result.message);
      batch.finishedMs = performance.now();
      batch.inferenceMs = result.elapsedMs;
      batch.tensors = result.tensors;
      batch.tensorsByRow = result.tensorsByRow;
      for (const { row, message } of result.failedRows)
        this.#fail(batch, row, new EngineError("INFERENCE_FAILED", message));
    } finally {
      this.wake();
    }
  }

  async #answer(batch: Batch): Promise<void> {
    if (batch.count === 0) return;
    batch.dateMs = Date.now();
    batch.dateText = new Date(batch.dateMs).toISOString();
    const logged = this.#options.log.append(batch, (index, error) => this.#fail(batch, index, error));
    if (this.#options.answerFirst)
      logged.catch((error: unknown) =>
        this.#options.logger.error({ err: error }, "predictions lost from the log"),
      );
    else await this.#stored(logged);
    const { metrics, statistics, window } = batch.model;
    const nowMs = performance.now();
    metrics.queueSeconds.observe((batch.startedMs - batch.firstArrivedMs) / 1000);
    metrics.handoverSeconds.observe((batch.finishedMs - batch.startedMs - batch.inferenceMs) / 1000);
    metrics.inferenceSeconds.observe(batch.inferenceMs / 1000);
    metrics.logSeconds.observe((nowMs - batch.finishedMs) / 1000);
    metrics.batchRows.observe(batch.count);
    let rows = 0;
    let requests = 0;
    let waitedMs = 0;
    for (let index = 0; index < batch.count; index++) {
      const row = batch.rows[index];
      if (row === undefined) continue;
      batch.rows[index] = undefined;
      rows++;
      if (row.isFollower !== true) {
        requests++;
        waitedMs += batch.startedMs - row.arrivedMs;
      }
      metrics.requestSeconds.observe((nowMs - row.arrivedMs) / 1000);
      window?.answered(row.arrivedMs, batch.startedMs, nowMs);
      this.#tell(row, batch, index);
    }
    statistics.answered(batch, { rows, requests, waitedMs }, nowMs);
  }

  /** The prediction is in the log: an answer that cannot be sent is that row's own matter, and harms no other. */
  #tell(row: Row, batch: Batch, index: number): void {
    try {
      row.answer(batch, index);
    } catch (error) {
      this.#options.logger.error({ err: error, model: batch.model.key }, "an answer could not be sent");
    }
  }

  async #stored(logged: Promise<void>): Promise<void> {
    this.#logging++;
    try {
      await logged;
    } finally {
      this.#logging--;
      this.wake();
    }
  }

  #failAll(batch: Batch, error: EngineError): void {
    for (let index = 0; index < batch.count; index++) this.#fail(batch, index, error);
  }

  #fail(batch: Batch, index: number, error: EngineError): void {
    const row = batch.rows[index];
    if (row === undefined || !batch.fail(index, error)) return;
    this.#options.failures.add(1);
    const { manifest, statistics, window } = batch.model;
    const nowMs = performance.now();
    this.#options.errors.count(manifest, row.source, error.code);
    if (row.isFollower !== true) statistics.failed(error.code, nowMs - row.arrivedMs);
    window?.failed(error.code, 1, nowMs);
  }

  #sweep(nowMs: number): void {
    if (this.#rows === 0) return;
    for (const batcher of this.#ring) for (const batch of batcher.live) this.#expire(batch, nowMs);
  }

  /** Fails the rows of a batch whose deadline has passed. */
  #expire(batch: Batch, nowMs: number): void {
    for (let index = 0; index < batch.count; index++) {
      const row = batch.rows[index];
      if (row !== undefined && row.deadlineMs < nowMs) this.#fail(batch, index, overdue());
    }
  }
}

function overdue(): EngineError {
  return new EngineError(
    "DEADLINE_EXCEEDED",
    "the deadline passed before the prediction was made; raise timeout_ms or try later",
  );
}

function toTask({ model, count, features, outputs, texts, wantsTensors }: Batch): PredictTask {
  return {
    kind: "predict",
    key: model.key,
    rows: count,
    inputWidth: model.inputWidth,
    outputWidth: model.outputWidth,
    features,
    outputs,
    ...(wantsTensors ? { texts: texts.slice(0, count * model.plan.texts) } : undefined),
  };
}
