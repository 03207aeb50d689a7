// hot path
/**
 * A batch: rows of one model version that go to a worker together, and the slab that their floats live in.
 *
 *     raw       rowsMax × inputs floats    written by the feature plan, logged; texts stand beside it
 *     features  rowsMax × width floats     written by the preprocessing pipeline, read by the worker
 *     outputs   rowsMax × width floats     written by the worker, read when answering
 *     ids       rowsMax × 16 bytes         prediction ids
 *
 * Without preprocessing, features and raw are the same memory. Features and outputs are shared: no float is copied
 * between threads. A batch is reused for ever by its
 * batcher. States: filling → queued → running → logging → answered → free; each row settles exactly once.
 */
import type { EngineError } from "./core/errors.ts";
import type { Source } from "./core/prediction.ts";
import type { ServedModel } from "./served-model.ts";

/** One accepted row that waits for its answer. Implemented by every entrance. */
export interface Row {
  readonly source: Source;
  /** The caller's id, or "" when it gave none: then the prediction id serves as request id. */
  readonly requestId: string;
  readonly entityId: string;
  /** performance.now() at arrival. */
  readonly arrivedMs: number;
  /** performance.now() after which an answer is of no use. */
  readonly deadlineMs: number;
  /** Text that the prediction id follows from, for sources that may deliver a request twice; else "". */
  readonly idempotencyKey: string;
  /** The prediction is made and logged: it is row `index` of `batch`, readable during this call only. */
  answer(batch: Batch, index: number): void;
  fail(error: EngineError): void;
}

export class Batch {
  readonly model: ServedModel;
  readonly features: Float32Array<SharedArrayBuffer>;
  readonly raw: Float32Array;
  /** rowsMax × texts of the plan. */
  readonly texts: string[];
  outputs: Float32Array<SharedArrayBuffer>;
  readonly ids: Buffer;
  /** The memory of `raw`, to copy whole rows from. */
  readonly rawBytes: Buffer;
  /** Row by index; undefined once it is settled (answered, failed or past its deadline). */
  readonly rows: (Row | undefined)[];
  count = 0;
  /** Rows ever added: `count` falls below it when settled rows are dropped. */
  accepted = 0;
  attempts = 0;
  /** Arrival of its oldest row, performance.now(). */
  firstArrivedMs = 0;
  /** performance.now() when it went to a worker, and how long inference took there. */
  startedMs = 0;
  inferenceMs = 0;
  /** When inference ended: performance.now(), Date.now() and its ISO text, one for the batch. */
  finishedMs = 0;
  dateMs = 0;
  dateText = "";

  constructor(model: ServedModel, rowsMax: number) {
    this.model = model;
    this.features = new Float32Array(new SharedArrayBuffer(rowsMax * model.inputWidth * 4));
    this.raw = model.pipeline === undefined ? this.features : new Float32Array(rowsMax * model.plan.width);
    this.texts = Array.from({ length: rowsMax * model.plan.texts }, () => "");
    this.outputs = new Float32Array(new SharedArrayBuffer(rowsMax * model.outputWidth * 4));
    this.rawBytes = Buffer.from(this.raw.buffer);
    this.ids = Buffer.allocUnsafeSlow(rowsMax * 16);
    this.rows = Array.from({ length: rowsMax }, () => undefined);
  }

  get full(): boolean {
    return this.count === this.rows.length;
  }

  /** Takes the row whose floats and id the batcher has just written at `count`. */
  push(row: Row): void {
    if (this.count === 0) this.firstArrivedMs = row.arrivedMs;
    this.rows[this.count++] = row;
    this.accepted++;
  }

  /** Settles one row with an error; false if it was settled before. */
  fail(index: number, error: EngineError): boolean {
    const row = this.rows[index];
    if (row === undefined) return false;
    this.rows[index] = undefined;
    row.fail(error);
    return true;
  }

  /** Closes the gaps that settled rows left, so that the worker computes only rows that are wanted. */
  compact(): void {
    let kept = 0;
    for (let index = 0; index < this.count; index++) {
      const row = this.rows[index];
      if (row === undefined) continue;
      if (kept !== index) {
        this.rows[kept] = row;
        this.rows[index] = undefined;
        this.#copyRow(index, kept);
      }
      kept++;
    }
    this.count = kept;
  }

  #copyRow(from: number, to: number): void {
    const { inputWidth, plan } = this.model;
    this.features.copyWithin(to * inputWidth, from * inputWidth, (from + 1) * inputWidth);
    this.ids.copyWithin(to * 16, from * 16, (from + 1) * 16);
    if (this.raw === this.features) return;
    this.raw.copyWithin(to * plan.width, from * plan.width, (from + 1) * plan.width);
    this.texts.copyWithin(to * plan.texts, from * plan.texts, (from + 1) * plan.texts);
  }

  /** Takes new memory for outputs: the worker that was given the old one hangs, and may write to it at any time. */
  renewOutputs(): void {
    this.outputs = new Float32Array(new SharedArrayBuffer(this.outputs.byteLength));
  }

  /** Makes it empty again. */
  clear(): void {
    this.rows.fill(undefined, 0, this.count);
    this.texts.fill("");
    this.count = 0;
    this.accepted = 0;
    this.attempts = 0;
  }
}
