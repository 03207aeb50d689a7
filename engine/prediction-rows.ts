// hot path
/**
 * What the sink stores of a message of the prediction log: the rows of its block, each stamped with epoch and sequence of
 * the message. Predictions from streams that were stored before, told by their ids, are left out.
 */
import { ROW_ID_OFFSET, ROW_LOGGED_OFFSET, ROW_SOURCE_OFFSET, readBlock, rowTail } from "./core/log-block.ts";
import { sourceCode } from "./core/prediction.ts";
import type { RowBinaryWriter } from "./core/row-binary.ts";
import type { MessageRows, Recent, SinkMessage } from "./sink-batch.ts";

const STREAM = sourceCode("stream");

/** @throws EngineError INTERNAL when the block is damaged. */
export function readPredictionRows(message: SinkMessage): MessageRows {
  return new PredictionRows(message);
}

class PredictionRows implements MessageRows {
  readonly rows: number;
  readonly bytes: number;
  readonly atMs: number;
  readonly #block: Buffer;
  readonly #seq: number;

  constructor({ seq, data }: SinkMessage) {
    let rows = 0;
    this.atMs = readBlock(data, () => rows++);
    this.rows = rows;
    this.bytes = data.length;
    this.#block = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    this.#seq = seq;
  }

  writeTo(writer: RowBinaryWriter, epoch: number, recent: Recent): number {
    const block = this.#block;
    let repeats = 0;
    const tail = rowTail(block);
    writer.reserve(block.length + this.rows * tail.length);
    readBlock(block, (start, end) => {
      if (block[start + ROW_SOURCE_OFFSET] === STREAM && !recent.add(block, start + ROW_ID_OFFSET)) {
        repeats++;
        return;
      }
      writer.uint64(epoch);
      writer.uint64(this.#seq);
      writer.raw(block, start + ROW_LOGGED_OFFSET, end);
      writer.raw(tail);
    });
    return repeats;
  }
}
