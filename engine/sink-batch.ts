// hot path
/**
 * What the sink is about to insert: rows of consecutive messages of a stream, concatenated, and their sequences, which
 * name the insert.
 *
 * Rows of another month start another batch, since an insert is atomic within one partition only; so do rows that would
 * make it grow beyond its bounds. Rows of a message never part.
 */
import { EngineError } from "./core/errors.ts";
import { RowBinaryWriter } from "./core/row-binary.ts";

export interface SinkMessage {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  /** When the stream stored it, ms since 1970. */
  readonly atMs: number;
}

/** What was stored of late, to tell what comes again. */
export interface Recent {
  /** Remembers the 16 bytes at `offset`; false if they come again. */
  add(bytes: Buffer, offset: number): boolean;
}

/** The rows of one message, of one partition. */
export interface MessageRows {
  readonly rows: number;
  /** Bytes of the rows, about. */
  readonly bytes: number;
  /** Decides the partition, ms since 1970. */
  readonly atMs: number;
  /**
   * Appends the rows, stamped with epoch and sequence, leaving out those that `recent` knows.
   * @returns how many were left out.
   */
  writeTo(writer: RowBinaryWriter, epoch: number, recent: Recent): number;
}

export class SinkBatch {
  readonly #writer: RowBinaryWriter;
  rows = 0;
  repeats = 0;
  firstSeq = 0;
  lastSeq = 0;
  /** Message `lastSeq` as it came, not copied. */
  lastMessage: SinkMessage | undefined;
  #month = -1;

  constructor(capacity: number) {
    this.#writer = new RowBinaryWriter(capacity);
  }

  get length(): number {
    return this.#writer.length;
  }

  /** The rows' bytes, not copied. */
  written(): Buffer {
    return this.#writer.written();
  }

  clear(): void {
    this.#writer.reset();
    this.rows = 0;
    this.repeats = 0;
    this.firstSeq = 0;
    this.lastSeq = 0;
    this.lastMessage = undefined;
    this.#month = -1;
  }

  /** Whether rows of the partition of `atMs` may join. */
  accepts(atMs: number): boolean {
    return this.#month === -1 || this.#month === monthOf(atMs);
  }

  /** @throws EngineError INTERNAL when `accepts` would have said no. */
  add(message: SinkMessage, found: MessageRows, epoch: number, recent: Recent): void {
    if (!this.accepts(found.atMs))
      throw new EngineError("INTERNAL", "rows of another month were added to a batch");
    const repeats = found.writeTo(this.#writer, epoch, recent);
    this.rows += found.rows - repeats;
    this.repeats += repeats;
    this.#month = monthOf(found.atMs);
    if (this.firstSeq === 0) this.firstSeq = message.seq;
    this.lastSeq = message.seq;
    this.lastMessage = message;
  }
}

function monthOf(ms: number): number {
  const date = new Date(ms);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
