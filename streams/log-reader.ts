/**
 * A sink's end of a stream, the prediction log or the feature events: reads messages by their sequence, in batches
 * (direct get).
 *
 * No consumer and no acknowledgements: how far the sink has come stands in ClickHouse, beside the rows, so there is
 * nothing that could disagree with it, and nothing is sent that was not asked for. Bounds: `bytesMax` a batch, and
 * READ_TIMEOUT_MS, since the client waits for ever for the rest of a batch that was cut off.
 */
import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { createDeferred } from "../engine/core/deferred.ts";
import type { StreamsConnection } from "./connection.ts";
import { storeDeadLetter } from "./dead-letter.ts";
import type { Publisher } from "./publisher.ts";
import { epochOf, type Topology } from "./topology.ts";

/** The server's own limit. */
const BATCH_MESSAGES_MAX = 1_000;
const READ_TIMEOUT_MS = 10_000;
const WATCH_MS = 100;

export interface LogReaderOptions {
  readonly manager: JetStreamManager;
  readonly publisher: Publisher;
  readonly connection: Pick<StreamsConnection, "interruptions">;
  readonly topology: Topology;
  readonly bytesMax: number;
  /** The stream that is read; the prediction log unless told otherwise. */
  readonly stream?: string;
}

export interface LogStreamMessage {
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
  /** When the stream stored it, ms since 1970. */
  readonly atMs: number;
}

export interface LogPosition {
  /** Which stream this is: sequences of another one mean nothing. */
  readonly epoch: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export class LogReader {
  readonly messagesMax = BATCH_MESSAGES_MAX;
  readonly #options: LogReaderOptions;
  readonly #stream: string;

  constructor(options: LogReaderOptions) {
    this.#options = options;
    this.#stream = options.stream ?? options.topology.logStream;
  }

  async position(): Promise<LogPosition> {
    const info = await this.#options.manager.streams.info(this.#stream);
    return { epoch: epochOf(info), firstSeq: info.state.first_seq, lastSeq: info.state.last_seq };
  }

  /**
   * The messages from `seq` on that are there now, in order, up to the bound; none if there are none.
   * @throws Error when the connection is lost meanwhile or the time is up.
   */
  async read(seq: number): Promise<readonly LogStreamMessage[]> {
    const { manager, bytesMax } = this.#options;
    const { lastSeq } = await this.position(); // reading behind the end is an error to the server
    if (lastSeq < seq) return [];
    const messages: LogStreamMessage[] = [];
    const end = createDeferred<void>();
    end.promise.catch(() => undefined); // it may fail before it is waited for
    // With a callback the client gives its subscription back at the end; as an iterator it would keep it.
    const callback = (done: { err?: Error } | null, message: StoredMsg): void => {
      if (done === null) messages.push(toLogMessage(message));
      else if (done.err === undefined) end.resolve();
      else end.reject(done.err);
    };
    const watch = this.#watch((error) => end.reject(error));
    try {
      const options = { seq, batch: BATCH_MESSAGES_MAX, max_bytes: bytesMax, callback };
      const batch = await manager.direct.getBatch(this.#stream, options);
      await end.promise.finally(() => batch.stop());
    } finally {
      clearInterval(watch);
    }
    return messages;
  }

  #watch(fail: (error: Error) => void): NodeJS.Timeout {
    const { connection } = this.#options;
    const before = connection.interruptions();
    const giveUpMs = performance.now() + READ_TIMEOUT_MS;
    return setInterval(() => {
      if (connection.interruptions() !== before) fail(new Error("the connection was lost"));
      else if (performance.now() > giveUpMs) fail(new Error("the log was not read in time"));
    }, WATCH_MS);
  }

  /** Puts a message that cannot be read aside, with the reason. */
  async reject({ seq, data }: Pick<LogStreamMessage, "seq" | "data">, reason: string): Promise<void> {
    const { publisher, topology } = this.#options;
    const id = `${this.#stream}-${seq}`;
    await storeDeadLetter({ stream: this.#stream, id, data, reason }, publisher, topology);
  }
}

function toLogMessage({ seq, subject, data, timestamp }: StoredMsg): LogStreamMessage {
  return { seq, subject, data, atMs: Date.parse(timestamp) };
}
