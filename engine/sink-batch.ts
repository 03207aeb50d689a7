// hot path
/**
 * What the sink is about to insert: rows of consecutive log messages, concatenated, and the token that names them.
 *
 * Blocks of another month start another batch, since an insert is atomic within one partition only; so do blocks
 * that would grow it beyond its bounds. Rows of a message never part.
 */
import { EngineError } from "./core/errors.ts";
import {
  ROW_EPOCH_OFFSET,
  ROW_ID_OFFSET,
  ROW_SEQ_OFFSET,
  ROW_SOURCE_OFFSET,
  readBlock,
} from "./core/log-block.ts";
import { sourceCode } from "./core/prediction.ts";
import type { RecentIds } from "./recent-ids.ts";

const STREAM = sourceCode("stream");
const NO_BLOCK = new Uint8Array(0);

export class SinkBatch {
  #bytes: Buffer;
  length = 0;
  rows = 0;
  repeats = 0;
  firstSeq = 0;
  lastSeq = 0;
  /** The block of message `lastSeq` as it came, not copied. */
  lastBlock: Uint8Array = NO_BLOCK;
  #month = -1;

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafeSlow(capacity);
  }

  /** The rows' bytes, not copied. */
  written(): Buffer {
    return this.#bytes.subarray(0, this.length);
  }

  clear(): void {
    this.length = 0;
    this.rows = 0;
    this.repeats = 0;
    this.firstSeq = 0;
    this.lastSeq = 0;
    this.lastBlock = NO_BLOCK;
    this.#month = -1;
  }

  /** Whether a block made at `createdMs` may join. */
  accepts(createdMs: number): boolean {
    return this.#month === -1 || this.#month === monthOf(createdMs);
  }

  /**
   * Adds the rows of a block, stamped with the message they came in, leaving out stream predictions that `recent`
   * knows.
   * @throws EngineError INTERNAL when the block is damaged; nothing is added then.
   */
  add(block: Buffer, epoch: bigint, seq: number, recent: RecentIds): void {
    const startLength = this.length;
    const startRows = this.rows;
    this.#reserve(block.length);
    const createdMs = readBlock(block, (start, end) => {
      if (block[start + ROW_SOURCE_OFFSET] === STREAM && !recent.add(block, start + ROW_ID_OFFSET)) {
        this.repeats++;
        return;
      }
      block.copy(this.#bytes, this.length, start, end);
      this.#bytes.writeBigUInt64LE(epoch, this.length + ROW_EPOCH_OFFSET);
      this.#bytes.writeBigUInt64LE(BigInt(seq), this.length + ROW_SEQ_OFFSET);
      this.length += end - start;
      this.rows++;
    });
    if (!this.accepts(createdMs)) {
      this.length = startLength;
      this.rows = startRows;
      throw new EngineError("INTERNAL", "a block of another month was added to a batch");
    }
    this.#month = monthOf(createdMs);
    if (this.firstSeq === 0) this.firstSeq = seq;
    this.lastSeq = seq;
    this.lastBlock = block;
  }

  #reserve(bytes: number): void {
    if (this.length + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.length + bytes, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.length);
    this.#bytes = grown;
  }
}

function monthOf(ms: number): number {
  const date = new Date(ms);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
