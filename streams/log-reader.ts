/**
 * The sink's end of the prediction log: reads messages by their sequence, in batches (direct get).
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
}

export interface LogStreamMessage {
  readonly seq: number;
  readonly data: Uint8Array;
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

  constructor(options: LogReaderOptions) {
    this.#options = options;
  }

  async position(): Promise<LogPosition> {
    const { manager, topology } = this.#options;
    const info = await manager.streams.info(topology.logStream);
    return { epoch: epochOf(info), firstSeq: info.state.first_seq, lastSeq: info.state.last_seq };
  }

  /**
   * The messages from `seq` on that are there now, in order, up to the bound; none if there are none.
   * @throws Error when the connection is lost meanwhile or the time is up.
   */
  async read(seq: number): Promise<readonly LogStreamMessage[]> {
    const { manager, topology, bytesMax } = this.#options;
    const { lastSeq } = await this.position(); // reading behind the end is an error to the server
    if (lastSeq < seq) return [];
    const messages: LogStreamMessage[] = [];
    const end = createDeferred<void>();
    end.promise.catch(() => undefined); // it may fail before it is waited for
    // With a callback the client gives its subscription back at the end; as an iterator it would keep it.
    const callback = (done: { err?: Error } | null, message: StoredMsg): void => {
      if (done === null) messages.push({ seq: message.seq, data: message.data });
      else if (done.err === undefined) end.resolve();
      else end.reject(done.err);
    };
    const watch = this.#watch((error) => end.reject(error));
    try {
      const options = { seq, batch: BATCH_MESSAGES_MAX, max_bytes: bytesMax, callback };
      const batch = await manager.direct.getBatch(topology.logStream, options);
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
  async reject({ seq, data }: LogStreamMessage, reason: string): Promise<void> {
    const { publisher, topology } = this.#options;
    const stream = topology.logStream;
    await storeDeadLetter({ stream, id: `${stream}-${seq}`, data, reason }, publisher, topology);
  }
}
