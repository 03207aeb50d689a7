/**
 * The sink's end of the prediction log: an ordered consumer from a given sequence on.
 *
 * No acknowledgements: how far the sink has come stands in ClickHouse, beside the rows, so there is nothing that
 * could disagree with it. The client notices a gap and starts again behind the last message it gave; when the
 * connection was lost or the reading ended, `fetch` throws, and whoever reads seeks again.
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
import type { StreamsConnection } from "./connection.ts";
import { publishOnce } from "./publish.ts";
import { epochOf, type Topology } from "./topology.ts";

const DEAD_TIMEOUT_MS = 10_000;
/** Twice the heartbeat: after two missed ones the client looks after the consumer. */
const PULL_MS = 5_000;

export interface LogReaderOptions {
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly topology: Topology;
  readonly connection: Pick<StreamsConnection, "isConnected" | "interruptions">;
  readonly bytesMax: number;
  /** Longest wait for more messages once there is one, ms. */
  readonly waitMs: number;
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
  readonly #options: LogReaderOptions;
  #messages: ConsumerMessages | undefined;
  #pending: LogStreamMessage[] = [];
  #bytes = 0;
  #interruptions = 0;
  #failure: Error | undefined;
  #arrived: Deferred<void> = createDeferred();
  #emptied: Deferred<void> = createDeferred();

  constructor(options: LogReaderOptions) {
    this.#options = options;
  }

  async position(): Promise<LogPosition> {
    const { manager, topology } = this.#options;
    const info = await manager.streams.info(topology.logStream);
    return { epoch: epochOf(info), firstSeq: info.state.first_seq, lastSeq: info.state.last_seq };
  }

  /** Reads from `seq` on; whatever was read before and not fetched is forgotten. */
  async seek(seq: number): Promise<void> {
    await this.close();
    const { jetstream, topology, connection, bytesMax } = this.#options;
    this.#interruptions = connection.interruptions();
    const consumer = await jetstream.consumers.get(topology.logStream, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: seq,
    });
    const messages = await consumer.consume({ max_bytes: bytesMax, expires: PULL_MS });
    this.#messages = messages;
    this.#failure = undefined;
    this.#pending = [];
    this.#bytes = 0;
    this.#arrived = createDeferred();
    this.#read(messages).then(
      () => this.#fail(messages, new Error("the stream ended the reading")),
      (error: unknown) => this.#fail(messages, error as Error),
    );
  }

  /**
   * The next messages in order: those there are, and those that come within the wait, up to the bound.
   * @throws Error when nothing more will come: seek again.
   */
  async fetch(): Promise<readonly LogStreamMessage[]> {
    const { waitMs, bytesMax } = this.#options;
    await within(waitMs, this.#arrived.promise);
    const giveUpMs = performance.now() + waitMs;
    while (this.#bytes < bytesMax && this.#pending.length > 0 && performance.now() < giveUpMs) {
      this.#arrived = createDeferred();
      await within(giveUpMs - performance.now(), this.#arrived.promise);
    }
    this.#checkReading();
    const messages = this.#pending;
    this.#pending = [];
    this.#bytes = 0;
    this.#arrived = createDeferred();
    this.#emptied.resolve();
    return messages;
  }

  /** A server that was restarted has forgotten the consumer, which the client would find out much later. */
  #checkReading(): void {
    if (this.#failure !== undefined) throw this.#failure;
    const { connection } = this.#options;
    if (connection.interruptions() !== this.#interruptions && connection.isConnected())
      throw new Error("the connection was lost meanwhile");
  }

  #fail(messages: ConsumerMessages, error: Error): void {
    if (messages !== this.#messages) return;
    this.#failure = error;
    this.#arrived.resolve();
  }

  /** Puts a message that cannot be read aside, with the reason. */
  async reject({ seq, data }: LogStreamMessage, reason: string): Promise<void> {
    const { jetstream, topology } = this.#options;
    const head = headers();
    head.set("Millrace-Reason", reason.replaceAll(/[\r\n]/g, " "));
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
