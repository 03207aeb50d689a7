// hot path
/**
 * Rows of one model version gather here until a worker is free: load alone makes batches grow, no timer does.
 *
 *     add → [filling] → full → [queued, queued, …] → take (oldest first) → … → recycle → [spare]
 *
 * Rows of another priority than the usual one fill batches of their own, which go before or after those.
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
/** 1: before all others; PRIORITY_DEFAULT; PRIORITY_LEVELS and all above: after all others. */
export const PRIORITY_LEVELS = 3;
export const PRIORITY_DEFAULT = 2;

/** What waits with one priority. */
interface Level {
  filling: Batch;
  readonly queued: Batch[];
}

export class Batcher {
  readonly model: ServedModel;
  readonly #rowsMax: number;
  readonly #spare: Batch[] = [];
  readonly #usual: Level;
  /** By priority, the first first; those that nobody asked for are not there. */
  readonly #levels: (Level | undefined)[];
  /** That of the row that was added last. */
  #latest: Level;
  /** Batches that hold rows and are not recycled yet. */
  readonly live = new Set<Batch>();
  /** Rows that will be added once their features are looked up. */
  expected = 0;

  constructor(model: ServedModel, rowsMax: number) {
    this.model = model;
    this.#rowsMax = rowsMax;
    this.#usual = { filling: new Batch(model, rowsMax), queued: [] };
    this.#latest = this.#usual;
    this.#levels = Array.from({ length: PRIORITY_LEVELS }, () => undefined);
    this.#levels[PRIORITY_DEFAULT - 1] = this.#usual;
  }

  /** True when there is something to take. */
  get waiting(): boolean {
    return this.#first() !== undefined;
  }

  /** Rows of the batch that `take` gives. */
  get rowsNext(): number {
    const level = this.#first();
    return level === undefined ? 0 : (level.queued[0]?.count ?? level.filling.count);
  }

  /** Whether at least so many rows wait, of whatever priority. */
  waits(rows: number): boolean {
    let filling = 0;
    for (const level of this.#levels) {
      if (level === undefined) continue;
      if (level.queued.length > 0) return true;
      filling += level.filling.count;
    }
    return filling >= rows;
  }

  /** Rows of the batch that grew last. */
  get rowsFilling(): number {
    return this.#latest.filling.count;
  }

  /** Rows that were accepted and are not answered yet. */
  get rowsPending(): number {
    let rows = this.expected;
    for (const batch of this.live)
      for (let index = 0; index < batch.count; index++) if (batch.rows[index] !== undefined) rows++;
    return rows;
  }

  /** True when no row is waiting, computed or being logged, and none is on its way. */
  get idle(): boolean {
    return this.live.size === 0 && this.expected === 0;
  }

  /** Checks the features and adds the row; returns what is wrong with them, or undefined. */
  add(row: Row, features: unknown, served?: ServedFeatures): EngineError | undefined {
    const level =
      row.priority === undefined || row.priority === 0 ? this.#usual : this.#levelOf(row.priority);
    this.#latest = level;
    const batch = level.filling;
    const index = batch.count;
    const error = this.#write(features, batch, index);
    if (error !== undefined) return error;
    if (row.idempotencyKey === "") writeUuid7(batch.ids, index * 16, Date.now());
    else writeUuidOf(batch.ids, index * 16, row.idempotencyKey);
    batch.push(row, served);
    if (index === 0) this.live.add(batch);
    if (batch.full) {
      level.queued.push(batch);
      level.filling = this.#empty();
    }
    return undefined;
  }

  #levelOf(priority: number): Level {
    const index = Math.min(priority, PRIORITY_LEVELS) - 1;
    return (this.#levels[index] ??= { filling: this.#empty(), queued: [] });
  }

  /** The highest priority that something waits with. */
  #first(): Level | undefined {
    for (const level of this.#levels)
      if (level !== undefined && (level.queued.length > 0 || level.filling.count > 0)) return level;
    return undefined;
  }

  #empty(): Batch {
    return this.#spare.pop() ?? new Batch(this.model, this.#rowsMax);
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

  /** The oldest batch of the highest priority, now the caller's until it recycles it. */
  take(): Batch | undefined {
    const level = this.#first();
    const queued = level?.queued.shift();
    if (level === undefined || queued !== undefined) return queued;
    const batch = level.filling;
    level.filling = this.#empty();
    return batch;
  }

  /** Moves each row of a batch whose worker died into a batch of its own, in front of what waits. */
  separate(batch: Batch): void {
    const alone: Batch[] = [];
    for (let index = 0; index < batch.count; index++) {
      if (batch.rows[index] !== undefined) alone.push(batch.separate(index));
    }
    for (const one of alone) this.live.add(one);
    this.#usual.queued.unshift(...alone);
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
