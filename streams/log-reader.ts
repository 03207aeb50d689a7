/**
 * The sink's end of the prediction log: an ordered consumer from a given sequence on.
 *
 * No acknowledgements: how far the sink has come stands in ClickHouse, beside the rows, so there is nothing that
 * could disagree with it. The client notices a gap and starts again behind the last message it gave.
 * Bound: at most `bytesMax` wait here; then nothing is read until `fetch` has emptied it.
 */
import {
  type ConsumerMessages,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
} from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { createDeferred, type Deferred } from "../engine/core/deferred.ts";
import { headerText } from "./header-text.ts";
import { publishOnce } from "./publish.ts";
import type { Topology } from "./topology.ts";

const DEAD_TIMEOUT_MS = 10_000;

export interface LogReaderOptions {
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly topology: Topology;
  readonly bytesMax: number;
  /** Longest wait for more messages once there is one, ms. */
  readonly waitMs: number;
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
  #messages: ConsumerMessages | undefined;
  #pending: LogStreamMessage[] = [];
  #bytes = 0;
  #arrived: Deferred<void> = createDeferred();
  #emptied: Deferred<void> = createDeferred();

  constructor(options: LogReaderOptions) {
    this.#options = options;
  }

  async position(): Promise<LogPosition> {
    const { manager, topology } = this.#options;
    const { created, state } = await manager.streams.info(topology.logStream);
    return { epoch: Date.parse(created), firstSeq: state.first_seq, lastSeq: state.last_seq };
  }

  /** Reads from `seq` on; whatever was read before and not fetched is forgotten. */
  async seek(seq: number): Promise<void> {
    await this.close();
    const { jetstream, topology, bytesMax } = this.#options;
    const consumer = await jetstream.consumers.get(topology.logStream, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: seq,
    });
    const messages = await consumer.consume({ max_bytes: bytesMax });
    this.#messages = messages;
    this.#pending = [];
    this.#bytes = 0;
    this.#arrived = createDeferred();
    void this.#read(messages);
  }

  /** The next messages in order: those there are, and those that come within the wait, up to the bound. */
  async fetch(): Promise<readonly LogStreamMessage[]> {
    const { waitMs, bytesMax } = this.#options;
    await within(waitMs, this.#arrived.promise);
    const giveUpMs = performance.now() + waitMs;
    while (this.#bytes < bytesMax && this.#pending.length > 0 && performance.now() < giveUpMs) {
      this.#arrived = createDeferred();
      await within(giveUpMs - performance.now(), this.#arrived.promise);
    }
    const messages = this.#pending;
    this.#pending = [];
    this.#bytes = 0;
    this.#arrived = createDeferred();
    this.#emptied.resolve();
    return messages;
  }

  /** Puts a message that cannot be read aside, with the reason. */
  async reject({ seq, data }: LogStreamMessage, reason: string): Promise<void> {
    const { jetstream, topology } = this.#options;
    const head = headers();
    head.set("Millrace-Reason", headerText(reason));
    const subject = topology.deadSubject(topology.logStream);
    await publishOnce(jetstream, subject, `${topology.logStream}-${seq}`, data, {
      headers: head,
      timeoutMs: DEAD_TIMEOUT_MS,
    });
  }

  async close(): Promise<void> {
    const messages = this.#messages;
    this.#messages = undefined;
    this.#emptied.resolve();
    await messages?.close();
  }

  async #read(messages: ConsumerMessages): Promise<void> {
    for await (const message of messages) {
      if (messages !== this.#messages) return;
      this.#pending.push({ seq: message.seq, data: message.data });
      this.#bytes += message.data.length;
      this.#arrived.resolve();
      if (this.#bytes < this.#options.bytesMax) continue;
      this.#emptied = createDeferred();
      await this.#emptied.promise;
    }
  }
}

/** Resolves when the promise does, or after `ms`. */
async function within(ms: number, promise: Promise<void>): Promise<void> {
  const timeout = createDeferred<void>();
  const timer = setTimeout(timeout.resolve, Math.max(ms, 0));
  await Promise.race([promise, timeout.promise]);
  clearTimeout(timer);
}
