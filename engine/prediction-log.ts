// hot path
/**
 * The prediction log: rows are gathered into blocks, blocks are published to JetStream, and a batch is answered once
 * the block that holds it is acknowledged (group commit).
 *
 *     append → [filling block] → published, waiting for its acknowledgement (IN_FLIGHT_MAX) → batches answered
 *
 * A block leaves at once when fewer than IN_FLIGHT_MAX are under way, and otherwise grows meanwhile: load alone makes
 * blocks large. It is published again under the same message id until it is acknowledged or its time is up, so the
 * stream holds it once. Bounds: a block fits into one message, and a row that does not fit alone is refused; the rows
 * of unanswered batches, which the dispatcher limits; in `answerFirst` mode, BLOCKS_WAITING_MAX blocks, then appending
 * fails.
 */
import type { Batch, Row } from "./batch.ts";
import { createDeferred, type Deferred } from "./core/deferred.ts";
import { EngineError } from "./core/errors.ts";
import { BLOCK_HEADER_BYTES, BLOCK_MAGIC } from "./core/log-block.ts";
import { RowBinaryWriter } from "./core/row-binary.ts";
import type { BatchLog, RefuseRow } from "./dispatcher.ts";
import { writeLogRow } from "./log-row.ts";

/** Two keep the stream busy while an acknowledgement travels; more only make blocks smaller. */
const IN_FLIGHT_MAX = 2;
const BLOCKS_WAITING_MAX = 256;
const WRITERS_SPARE_MAX = 8;

/** Publishes one block under an id that makes repeats harmless; resolves when the stream has it. */
export type PublishBlock = (id: string, block: Uint8Array) => Promise<void>;

interface Block {
  readonly writer: RowBinaryWriter;
  readonly done: Deferred<void>;
  readonly createdMs: number;
  rows: number;
}

export interface PredictionLogOptions {
  /** Distinguishes this engine process's blocks from all others'. */
  readonly engineId: string;
  readonly publish: PublishBlock;
  /** A block is closed when it has grown to this. */
  readonly blockBytesMax: number;
  /** What can be published at once: no block is larger. */
  readonly messageBytesMax: number;
}

export class PredictionLog implements BatchLog {
  readonly #options: PredictionLogOptions;
  readonly #waiting: Block[] = [];
  readonly #spare: RowBinaryWriter[] = [];
  #filling: Block | undefined;
  #inFlight = 0;
  #published = 0;
  #idle: Deferred<void> | undefined;

  constructor(options: PredictionLogOptions) {
    this.#options = options;
  }

  /**
   * Encodes the unsettled rows of a batch now; resolves when the stream has them. A row that no block can hold is
   * refused during the call, with PAYLOAD_TOO_LARGE.
   * @throws EngineError LOG_UNAVAILABLE when it could not take them in time.
   */
  append(batch: Batch, refuse: RefuseRow): Promise<void> {
    if (this.#waiting.length >= BLOCKS_WAITING_MAX) {
      return Promise.reject(
        new EngineError("LOG_UNAVAILABLE", "the prediction log cannot keep up; try again later"),
      );
    }
    const done: Promise<void>[] = [];
    for (let index = 0; index < batch.count; index++) {
      const row = batch.rows[index];
      if (row === undefined) continue;
      const block = this.#write(batch, index, row) ?? this.#write(batch, index, row);
      if (block === undefined) {
        refuse(index, this.#tooLarge());
        continue;
      }
      if (block.rows++ === 0 || done.length === 0) done.push(block.done.promise);
      if (block.writer.length >= this.#options.blockBytesMax) this.#close();
    }
    this.#pump();
    return done.length === 1 ? (done[0] as Promise<void>) : Promise.all(done).then(() => undefined);
  }

  /** Resolves when every block appended so far is acknowledged or given up. */
  async drain(): Promise<void> {
    if (this.#inFlight === 0 && this.#waiting.length === 0 && (this.#filling?.rows ?? 0) === 0) return;
    this.#idle ??= createDeferred();
    return this.#idle.promise;
  }

  /** Writes a row into the filling block, or closes that and returns undefined when the row does not fit. */
  #write(batch: Batch, index: number, row: Row): Block | undefined {
    const block = (this.#filling ??= this.#open());
    const { writer } = block;
    const { length } = writer;
    writeLogRow(writer, batch, index, row, block.createdMs);
    if (writer.length <= this.#options.messageBytesMax) return block;
    writer.truncate(length);
    if (block.rows > 0) this.#close();
    else this.#filling = undefined; // its time must not be that of a later row
    return undefined;
  }

  #tooLarge(): EngineError {
    return new EngineError(
      "PAYLOAD_TOO_LARGE",
      `the row with its features takes more than ${this.#options.messageBytesMax} bytes in the prediction log, ` +
        "which is all that fits into one message: raise max_payload of the NATS server",
    );
  }

  #open(): Block {
    const writer = this.#spare.pop() ?? new RowBinaryWriter(64 * 1024);
    writer.reset();
    writer.uint32(BLOCK_MAGIC);
    writer.uint32(0);
    const createdMs = Date.now();
    writer.uint64(createdMs);
    return { writer, done: createDeferred(), createdMs, rows: 0 };
  }

  #close(): void {
    if (this.#filling === undefined) return;
    this.#waiting.push(this.#filling);
    this.#filling = undefined;
  }

  #pump(): void {
    while (this.#inFlight < IN_FLIGHT_MAX) {
      if (this.#waiting.length === 0 && (this.#filling?.rows ?? 0) > 0) this.#close();
      const block = this.#waiting.shift();
      if (block === undefined) break;
      this.#inFlight++;
      void this.#publish(block);
    }
  }

  async #publish(block: Block): Promise<void> {
    const { writer, done } = block;
    writer.uint32At(BLOCK_HEADER_BYTES - 12, block.rows);
    try {
      await this.#options.publish(`${this.#options.engineId}-${this.#published++}`, writer.written());
      if (this.#spare.length < WRITERS_SPARE_MAX) this.#spare.push(writer);
      done.resolve();
    } catch (error) {
      done.reject(
        new EngineError("LOG_UNAVAILABLE", "the prediction could not be logged; try again later", {
          cause: error,
        }),
      );
    }
    this.#inFlight--;
    this.#pump();
    if (this.#inFlight === 0) {
      this.#idle?.resolve();
      this.#idle = undefined;
    }
  }
}
