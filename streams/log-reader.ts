/**
 * The sink's end of the prediction log: reads messages by their sequence, in batches (direct get).
 *
 * No consumer and no acknowledgements: how far the sink has come stands in ClickHouse, beside the rows, so there is
 * nothing that could disagree with it, and nothing is sent that was not asked for. Bound: `bytesMax` a batch.
 */
import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { createDeferred } from "../engine/core/deferred.ts";
import { headerText } from "./header-text.ts";
import type { Publisher } from "./publisher.ts";
import type { Topology } from "./topology.ts";

const DEAD_TIMEOUT_MS = 10_000;
/** The server's own limit. */
const BATCH_MESSAGES_MAX = 1_000;

export interface LogReaderOptions {
  readonly manager: JetStreamManager;
  readonly publisher: Publisher;
  readonly topology: Topology;
  readonly bytesMax: number;
}

export interface LogStreamMessage {
  readonly seq: number;
  readonly data: Uint8Array;
}

export interface LogPosition {
  /** Creation time of the stream, ms: sequences of another stream mean nothing. */
  readonly epoch: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export class LogReader {
  readonly #options: LogReaderOptions;

  constructor(options: LogReaderOptions) {
    this.#options = options;
  }

  async position(): Promise<LogPosition> {
    const { manager, topology } = this.#options;
    const { created, state } = await manager.streams.info(topology.logStream);
    return { epoch: Date.parse(created), firstSeq: state.first_seq, lastSeq: state.last_seq };
  }

  /** The messages from `seq` on that are there now, in order, up to the bound; none if there are none. */
  async read(seq: number): Promise<readonly LogStreamMessage[]> {
    const { manager, topology, bytesMax } = this.#options;
    const messages: LogStreamMessage[] = [];
    const end = createDeferred<void>();
    // With a callback the client gives its subscription back at the end; as an iterator it would keep it.
    const callback = (done: { err?: Error } | null, message: StoredMsg): void => {
      if (done === null) messages.push({ seq: message.seq, data: message.data });
      else if (done.err === undefined) end.resolve();
      else end.reject(done.err);
    };
    await manager.direct.getBatch(topology.logStream, {
      seq,
      batch: BATCH_MESSAGES_MAX,
      max_bytes: bytesMax,
      callback,
    });
    await end.promise;
    return messages;
  }

  /** Puts a message that cannot be read aside, with the reason. */
  async reject({ seq, data }: LogStreamMessage, reason: string): Promise<void> {
    const { publisher, topology } = this.#options;
    const head = headers();
    head.set("Millrace-Reason", headerText(reason));
    const subject = topology.deadSubject(topology.logStream);
    await publisher.publish(subject, `${topology.logStream}-${seq}`, data, {
      headers: head,
      timeoutMs: DEAD_TIMEOUT_MS,
    });
  }
}
