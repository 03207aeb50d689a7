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
 * between threads. A batch is reused for ever by its batcher, unless it was lost with its worker.
 * States: filling → queued → running → logging → answered → free; each row settles exactly once.
 */
import type { EngineError } from "./core/errors.ts";
import type { Source } from "./core/prediction.ts";
import type { Tensor } from "./core/tensor.ts";
import type { ServedFeatures } from "./features/served-features.ts";
import type { Naming, ServedModel } from "./served-model.ts";

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
  /** Ids of the entities whose features the model takes, by their key, when entity_id alone does not tell. */
  readonly entities: Readonly<Record<string, string>> | undefined;
  /** The model's outputs are wanted as tensors, beside the floats that predictions are read from. */
  readonly wantsTensors?: boolean;
  /** 1: before all others; 0 or none: as usual; see Batcher. */
  readonly priority?: number;
  /** One of several rows of a request that is counted with another. */
  readonly isFollower?: boolean;
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
  readonly outputs: Float32Array<SharedArrayBuffer>;
  readonly ids: Buffer;
  /** The memory of `raw`, to copy whole rows from. */
  readonly rawBytes: Buffer;
  /** Row by index; undefined once it is settled (answered, failed or past its deadline). */
  readonly rows: (Row | undefined)[];
  /** Of each row what was looked up for it, where its model takes features from the store. */
  readonly served: (ServedFeatures | undefined)[] = [];
  /** Whether one of its rows wants the model's outputs as tensors; and those, once they are computed. */
  wantsTensors = false;
  tensors: readonly Tensor[] | undefined;
  /** Instead of `tensors`, where each row was computed alone. */
  tensorsByRow: readonly (readonly Tensor[])[] | undefined;
  /** As it was for its first row: a canary may end while its rows are computed. */
  naming: Naming;
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
    this.naming = model.naming;
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
  push(row: Row, served: ServedFeatures | undefined): void {
    if (this.count === 0) {
      this.firstArrivedMs = row.arrivedMs;
      this.naming = this.model.naming;
    }
    if (served !== undefined) this.served[this.count] = served;
    if (row.wantsTensors === true) this.wantsTensors = true;
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
        this.#copyRow(index, this, kept);
      }
      kept++;
    }
    this.count = kept;
  }

  /** Moves one row, with its floats, id and attempts, into a batch that has room for it alone. */
  separate(index: number): Batch {
    const alone = new Batch(this.model, 1);
    this.#copyRow(index, alone, 0);
    alone.attempts = this.attempts;
    alone.push(this.rows[index] as Row, this.served[index]);
    alone.naming = this.naming;
    this.rows[index] = undefined;
    this.accepted--;
    return alone;
  }

  #copyRow(from: number, target: Batch, to: number): void {
    const { inputWidth, plan } = this.model;
    copy(target.features, to, this.features, from, inputWidth);
    target.served[to] = this.served[from];
    this.ids.copy(target.ids, to * 16, from * 16, (from + 1) * 16);
    if (this.raw !== this.features) copy(target.raw, to, this.raw, from, plan.width);
    for (let text = 0; text < plan.texts; text++)
      target.texts[to * plan.texts + text] = this.texts[from * plan.texts + text] ?? "";
  }

  /** Makes it empty again. */
  clear(): void {
    const used = Math.max(this.count, this.accepted);
    this.rows.fill(undefined, 0, used);
    this.served.length = 0;
    this.texts.fill("", 0, used * this.model.plan.texts);
    this.wantsTensors = false;
    this.tensors = undefined;
    this.tensorsByRow = undefined;
    this.count = 0;
    this.accepted = 0;
    this.attempts = 0;
  }
}

function copy(target: Float32Array, to: number, source: Float32Array, from: number, width: number): void {
  target.set(source.subarray(from * width, (from + 1) * width), to * width);
}
