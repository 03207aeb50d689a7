// hot path
/**
 * Rows of one model version gather here until a worker is free: load alone makes batches grow, no timer does.
 *
 *     add → [filling] → full → [queued, queued, …] → take (oldest first) → … → recycle → [spare]
 *
 * Bound: the dispatcher's count of rows over all batchers; batches are kept for reuse, SPARE_MAX of them.
 */
import { Batch, type Row } from "./batch.ts";
import type { EngineError } from "./core/errors.ts";
import { writeUuid7, writeUuidOf } from "./core/uuid.ts";
import type { ServedFeatures } from "./features/served-features.ts";
import { RowSource } from "./row-source.ts";
import type { ServedModel } from "./served-model.ts";

const SPARE_MAX = 16;

export class Batcher {
  readonly model: ServedModel;
  readonly #rowsMax: number;
  readonly #queued: Batch[] = [];
  readonly #spare: Batch[] = [];
  #filling: Batch;
  /** Batches that hold rows and are not recycled yet. */
  readonly live = new Set<Batch>();
  /** Rows that will be added once their features are looked up. */
  expected = 0;

  constructor(model: ServedModel, rowsMax: number) {
    this.model = model;
    this.#rowsMax = rowsMax;
    this.#filling = new Batch(model, rowsMax);
  }

  /** True when there is something to take. */
  get waiting(): boolean {
    return this.#queued.length > 0 || this.#filling.count > 0;
  }

  /** Rows of the batch that `take` gives. */
  get rowsNext(): number {
    return this.#queued[0]?.count ?? this.#filling.count;
  }

  /** Rows of the batch that still grows. */
  get rowsFilling(): number {
    return this.#filling.count;
  }

  /** True when no row is waiting, computed or being logged, and none is on its way. */
  get idle(): boolean {
    return this.live.size === 0 && this.expected === 0;
  }

  /** Checks the features and adds the row; returns what is wrong with them, or undefined. */
  add(row: Row, features: unknown, served?: ServedFeatures): EngineError | undefined {
    const batch = this.#filling;
    const index = batch.count;
    const error = this.#write(features, batch, index);
    if (error !== undefined) return error;
    if (row.idempotencyKey === "") writeUuid7(batch.ids, index * 16, Date.now());
    else writeUuidOf(batch.ids, index * 16, row.idempotencyKey);
    batch.push(row, served);
    if (index === 0) this.live.add(batch);
    if (batch.full) {
      this.#queued.push(batch);
      this.#filling = this.#spare.pop() ?? new Batch(this.model, this.#rowsMax);
    }
    return undefined;
  }

  #write(features: unknown, batch: Batch, index: number): EngineError | undefined {
    const { plan, pipeline, inputWidth } = this.model;
    const { raw, texts } = batch;
    const offset = index * plan.width;
    const textOffset = index * plan.texts;
    const error =
      features instanceof RowSource
        ? features.write(plan, raw, offset, texts, textOffset)
        : plan.write(features, raw, offset, texts, textOffset);
    if (error !== undefined || pipeline === undefined) return error;
    const isAllowed = pipeline.write(raw, offset, texts, textOffset, batch.features, index * inputWidth);
    return isAllowed ? undefined : pipeline.explain();
  }

  /** The oldest batch, now the caller's until it recycles it. */
  take(): Batch | undefined {
    const queued = this.#queued.shift();
    if (queued !== undefined) return queued;
    if (this.#filling.count === 0) return undefined;
    const batch = this.#filling;
    this.#filling = this.#spare.pop() ?? new Batch(this.model, this.#rowsMax);
    return batch;
  }

  /** Moves each row of a batch whose worker died into a batch of its own, in front of what waits. */
  separate(batch: Batch): void {
    const alone: Batch[] = [];
    for (let index = 0; index < batch.count; index++) {
      if (batch.rows[index] !== undefined) alone.push(batch.separate(index));
    }
    for (const one of alone) this.live.add(one);
    this.#queued.unshift(...alone);
  }

  /** Lets go of a batch for good: a worker that hangs may write to its memory at any time. */
  discard(batch: Batch): void {
    this.live.delete(batch);
  }

  recycle(batch: Batch): void {
    this.live.delete(batch);
    batch.clear();
    if (batch.rows.length === this.#rowsMax && this.#spare.length < SPARE_MAX) this.#spare.push(batch);
  }
}
