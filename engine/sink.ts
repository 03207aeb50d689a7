/**
 * A sink: copies a stream into ClickHouse, the prediction log, the feature events or the labels, each row once, whatever is killed.
 *
 *     resume (what is stored?) → read what is behind it → insert → read …
 *
 * Once, because: rows carry the sequence of their message, and a sink goes on behind the highest one stored; an insert
 * is atomic, and its repeats carry the same token; one sink runs at a time; and a stream prediction, an event or a label that
 * was stored before is left out. Whatever fails, the sink starts over at `resume`. Rows that ClickHouse refuses for what
 * they are go in again message by message; one that is refused alone becomes a dead letter.
 * Bound: one batch; while ClickHouse is away, nothing more is read.
 */
import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import { type MessageRows, type Recent, SinkBatch, type SinkMessage } from "./sink-batch.ts";

const RETRY_FIRST_MS = 100;
const RETRY_LAST_MS = 5_000;
const NO_ROWS = new Uint8Array(0);

export interface SinkSource {
  position(): Promise<{ readonly epoch: number; readonly firstSeq: number; readonly lastSeq: number }>;
  /** The messages from `seq` on that are there now, in order; not all, if there are many. */
  read(seq: number): Promise<readonly SinkMessage[]>;
  /** Most messages that one reading gives. */
  readonly messagesMax: number;
  reject(message: SinkMessage, reason: string): Promise<void>;
}

export interface SinkStore {
  /** Creates or updates the tables. */
  prepare(): Promise<void>;
  /** Says why the rows can never be stored, if that is so; whatever else goes wrong is thrown. */
  insert(rows: Uint8Array, token: string): Promise<string | undefined>;
  /** Inserts of an earlier sink that have not ended. */
  runningInserts(): Promise<number>;
  lastSeq(epoch: number): Promise<number>;
  /** Ids of the latest rows that may come again, oldest first, 16 bytes each. */
  recentIds(limit: number): Promise<Buffer>;
}

export interface SinkOptions {
  readonly source: SinkSource;
  readonly store: SinkStore;
  /**
   * The rows of a message; undefined when it has none to store.
   * @throws EngineError when it is damaged: it becomes a dead letter.
   */
  readonly rowsOf: (message: SinkMessage) => MessageRows | undefined;
  /** Told of every insert that is stored, before the next one; `rows` is not copied. */
  readonly onStored?: ((stored: StoredRows) => void) | undefined;
  /** Told each time that it knows what is stored, and copies on from there. */
  readonly onResumed?: (() => void) | undefined;
  readonly rowsMax: number;
  readonly bytesMax: number;
  readonly recentIdsMax: number;
  /** An empty memory of the latest `capacity` ids. */
  readonly createRecent: (capacity: number) => Recent;
  /** Longest wait of a row before it is inserted, ms. */
  readonly flushMs: number;
  readonly logger: Logger;
}

/** Rows in RowBinary of the messages behind `afterSeq` and up to `seq`: none, when they had none that are new or taken. */
export interface StoredRows {
  readonly rows: Uint8Array;
  readonly epoch: number;
  readonly afterSeq: number;
  readonly seq: number;
}

/** How far the sink has come; sequence 0 until it has resumed for the first time. */
export interface SinkProgress {
  /** Which log stream the sequence is of. */
  readonly epoch: number;
  readonly seq: number;
  readonly rows: number;
  readonly repeats: number;
}

export class Sink {
  readonly #options: SinkOptions;
  readonly #batch = new SinkBatch(64 * 1024);
  #recent: Recent;
  #epoch = 0;
  /** Highest sequence whose rows stand in the batch or before it. */
  #gatheredSeq = 0;
  #storedSeq = 0;
  #rows = 0;
  #repeats = 0;
  #pauseMs = RETRY_FIRST_MS;
  #gapBeforeSeq = 0;
  /** Up to here each message is inserted alone: rows of these were refused together. */
  #singlyToSeq = 0;

  constructor(options: SinkOptions) {
    this.#options = options;
    this.#recent = options.createRecent(options.recentIdsMax);
  }

  get progress(): SinkProgress {
    return { epoch: this.#epoch, seq: this.#storedSeq, rows: this.#rows, repeats: this.#repeats };
  }

  /** Runs until `signal` aborts; the insert under way is finished first. */
  async run(signal: AbortSignal): Promise<void> {
    const { logger } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#resume();
        await this.#copy(signal);
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ err: messageOf(error), pauseMs: this.#pauseMs }, "sink failed, starting over");
        await delay(this.#pauseMs, undefined, { signal }).catch(() => undefined);
        this.#pauseMs = Math.min(this.#pauseMs * 2, RETRY_LAST_MS);
      }
    }
  }

  /** Finds out what is stored; on what was gathered and not stored, the log has the last word. */
  async #resume(): Promise<void> {
    const { source, store, logger } = this.#options;
    this.#batch.clear();
    await store.prepare();
    if ((await store.runningInserts()) > 0) throw new Error("an earlier sink's insert is still running");
    const { epoch, firstSeq } = await source.position();
    const storedSeq = await store.lastSeq(epoch);
    this.#recent = await this.#storedIds();
    if (epoch !== this.#epoch) this.#singlyToSeq = 0;
    this.#epoch = epoch;
    this.#storedSeq = Math.max(storedSeq, firstSeq - 1);
    this.#gatheredSeq = this.#storedSeq;
    logger.info({ epoch, seq: this.#storedSeq }, "sink started");
    this.#options.onResumed?.();
  }

  async #storedIds(): Promise<Recent> {
    const { store, recentIdsMax, createRecent } = this.#options;
    const recent = createRecent(recentIdsMax);
    const ids = await store.recentIds(recentIdsMax);
    for (let offset = 0; offset + 16 <= ids.length; offset += 16) recent.add(ids, offset);
    return recent;
  }

  /** Reads what is there and stores it; when that was little, waits first, so that inserts are few and large. */
  async #copy(signal: AbortSignal): Promise<void> {
    const { source, flushMs, bytesMax } = this.#options;
    let startedMs = performance.now();
    while (!signal.aborted) {
      const messages = await source.read(this.#gatheredSeq + 1);
      if (messages.length === 0) await this.#checkEpoch();
      let bytes = 0;
      for (const message of messages) {
        bytes += message.data.length;
        if (await this.#gather(message)) continue;
        await this.#store(signal);
        await this.#gather(message);
      }
      const isBehind = bytes >= bytesMax / 2 || messages.length >= source.messagesMax;
      if (isBehind && performance.now() - startedMs < flushMs) continue; // more of it makes a larger insert
      await this.#store(signal);
      const restMs = flushMs - (performance.now() - startedMs);
      if (!isBehind && restMs > 0) await delay(restMs, undefined, { signal }).catch(() => undefined);
      startedMs = performance.now();
    }
  }

  /** False when the batch must be stored first. */
  async #gather(message: SinkMessage): Promise<boolean> {
    const { source, rowsOf, logger } = this.#options;
    if (message.seq <= this.#gatheredSeq) return true;
    this.#checkOrder(message.seq);
    const batch = this.#batch;
    if (batch.firstSeq !== 0 && batch.firstSeq <= this.#singlyToSeq) return false;
    try {
      const found = rowsOf(message);
      if (found !== undefined) {
        if (!this.#hasRoomFor(found)) return false;
        batch.add(message, found, this.#epoch, this.#recent);
      }
    } catch (error) {
      logger.error({ err: error, seq: message.seq }, "damaged message put aside");
      await source.reject(message, messageOf(error));
    }
    this.#gatheredSeq = message.seq;
    return true;
  }

  #hasRoomFor({ rows, bytes, atMs }: MessageRows): boolean {
    const { rowsMax, bytesMax } = this.#options;
    const batch = this.#batch;
    if (batch.rows > 0 && (batch.rows + rows > rowsMax || batch.length + bytes > bytesMax)) return false;
    return batch.accepts(atMs);
  }

  /** A stream that was deleted and made again starts counting anew, and so must the sink. */
  async #checkEpoch(): Promise<void> {
    const { epoch } = await this.#options.source.position();
    if (epoch !== this.#epoch) throw new Error("the stream was made anew");
  }

  /** A gap is believed when it is there at the second reading too: then somebody deleted messages. */
  #checkOrder(seq: number): void {
    const missing = seq - this.#gatheredSeq - 1;
    if (missing === 0) return;
    if (this.#gapBeforeSeq !== seq) {
      this.#gapBeforeSeq = seq;
      throw new Error(`gap in the stream: ${seq} follows ${this.#gatheredSeq}`);
    }
    this.#options.logger.error(
      { missing, seq },
      "messages are missing from the stream: somebody deleted them",
    );
  }

  /** Inserts the batch, or puts it aside. */
  async #store(signal: AbortSignal): Promise<void> {
    const batch = this.#batch;
    const refusal = await this.#insert(signal);
    if (refusal === undefined) {
      this.#rows += batch.rows;
      this.#repeats += batch.repeats;
    } else {
      await this.#putAside(refusal);
    }
    this.#pauseMs = RETRY_FIRST_MS;
    const rows = refusal === undefined ? batch.written() : NO_ROWS;
    const afterSeq = this.#storedSeq;
    this.#storedSeq = this.#gatheredSeq;
    if (this.#storedSeq > afterSeq)
      this.#options.onStored?.({ rows, epoch: this.#epoch, afterSeq, seq: this.#storedSeq });
    batch.clear();
  }

  /**
   * Inserts the batch, trying until it is stored, refused, or `signal` aborts. Always the same rows under the same
   * token: an attempt whose answer was lost may have been stored, or still be.
   */
  async #insert(signal: AbortSignal): Promise<string | undefined> {
    const { store, logger } = this.#options;
    const batch = this.#batch;
    const token = `${this.#epoch}:${batch.firstSeq}-${batch.lastSeq}`;
    for (let pauseMs = RETRY_FIRST_MS, attempt = 1; batch.rows > 0; attempt++) {
      try {
        if (attempt > 1) await store.prepare();
        if (attempt > 1 && (await store.lastSeq(this.#epoch)) >= batch.lastSeq) return undefined;
        return await store.insert(batch.written(), token);
      } catch (error) {
        if (signal.aborted) throw error;
        logger.warn({ err: messageOf(error), attempt, rows: batch.rows }, "insert failed, trying again");
        await delay(pauseMs, undefined, { signal }).catch(() => undefined);
        pauseMs = Math.min(pauseMs * 2, RETRY_LAST_MS);
      }
    }
    return undefined;
  }

  /**
   * A refused batch starts the sink over, to insert its messages one by one; one that is refused alone is rejected.
   * Its ids are forgotten then: the same row may come again, undamaged.
   */
  async #putAside(refusal: string): Promise<void> {
    const { source, logger } = this.#options;
    const { firstSeq, lastSeq, lastMessage } = this.#batch;
    if (firstSeq > this.#singlyToSeq) {
      this.#singlyToSeq = lastSeq;
      throw new Error(`rows of the messages ${firstSeq} to ${lastSeq} were refused: ${refusal}`);
    }
    logger.error({ err: refusal, seq: lastSeq }, "message whose rows ClickHouse refuses put aside");
    if (lastMessage !== undefined) await source.reject(lastMessage, refusal);
    this.#recent = await this.#storedIds();
  }
}
